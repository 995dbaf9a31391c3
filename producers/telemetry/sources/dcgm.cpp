#include "producers/telemetry/sources/dcgm.hpp"

#include "producers/telemetry/sources/dcgm_text.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::telemetry {
namespace {

// 16 GPUs in 7 instances each, at 100 series of 400 bytes.
constexpr std::size_t most_metrics = std::size_t{8} << 20;

class DcgmSource final : public Source {
 public:
  DcgmSource(std::string url, const Clock& clock, std::chrono::milliseconds patience)
      : url_(std::move(url)), clock_(clock), patience_(patience) {}

  std::string name() const override { return "dcgm"; }

  Result<Readings> read() override {
    runtime::HttpRequest request;
    request.url = url_;
    request.timeout = patience_;
    request.connect_timeout = patience_;
    request.max_body = most_metrics;
    const auto response = client_.send(std::move(request));
    if (!response) return fail(response.error().in_context("asking the DCGM exporter"));
    if (!response->ok()) {
      return fail(ErrorKind::unavailable,
                  "the DCGM exporter answers with status " + std::to_string(response->status));
    }
    auto gpus = parse_dcgm(response->body);
    if (!gpus) return fail(gpus.error().in_context("reading the DCGM exporter's metrics"));
    return Readings{clock_.now(), std::move(*gpus)};
  }

 private:
  std::string url_;
  const Clock& clock_;
  std::chrono::milliseconds patience_;
  runtime::HttpClient client_;
};

}  // namespace

std::unique_ptr<Source> open_dcgm(const std::string& url, const Clock& clock,
                                  std::chrono::milliseconds patience) {
  return std::make_unique<DcgmSource>(url, clock, patience);
}

}  // namespace oppen::telemetry
