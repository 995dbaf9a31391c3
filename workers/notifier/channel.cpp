#include "workers/notifier/channel.hpp"

#include "workers/notifier/email_channel.hpp"
#include "workers/notifier/http_channels.hpp"
#include "workers/runtime/kubeconfig.hpp"

namespace oppen::notifier {

Result<std::unique_ptr<Channel>> make_channel(const ChannelSettings& settings,
                                              runtime::HttpClient& http, std::stop_token stop) {
  if (settings.type == ChannelType::email) return make_email_channel(settings, std::move(stop));
  std::shared_ptr<const runtime::HttpTls> tls;
  if (!settings.ca_file.empty()) {
    auto ca = runtime::read_secret_file(settings.ca_file);
    if (!ca) return fail(ca.error());
    tls = std::make_shared<runtime::HttpTls>(runtime::HttpTls{std::move(*ca), "", ""});
  }
  return make_http_channel(settings, http, std::move(tls));
}

}  // namespace oppen::notifier
