#pragma once
// A way out: Slack, e-mail, a webhook, an Alertmanager. One file each. Used by one thread at a time, which may wait in deliver as long
// as the receiver takes, at most some 30 seconds.
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "schemas/alerts.hpp"
#include "workers/notifier/route.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::notifier {

// Some alerts that go out together.
struct Message {
  std::string id;  // the same when it is sent again, for receivers that drop what they have
  std::string route;
  std::vector<Alert> alerts;  // at least one
  Time now{};
  std::chrono::minutes repeat{0};  // of the route
  bool repeated = false;           // all of it has been told before
};

// What became of it. It has arrived, or:
//   unavailable  the receiver is away or wants it later
//   refused      the receiver does not want it, and will not want it as it is
//   invalid      a setting is wrong, and somebody has to mend it: it goes out when that is done
// Errors show no secret, and none of a URL's path.
struct Delivery {
  Status status;
  std::chrono::seconds retry_after{0};  // of unavailable: the receiver asks for a wait of so long
};

class Channel {
 public:
  virtual ~Channel() = default;
  virtual Delivery deliver(const Message& message) = 0;
};

// `http` must outlive it. `stop` ends what is under way by e-mail; http.stop() the rest. Errors: invalid (the file of a certificate
// authority).
Result<std::unique_ptr<Channel>> make_channel(const ChannelSettings& settings,
                                              runtime::HttpClient& http, std::stop_token stop);

}  // namespace oppen::notifier
