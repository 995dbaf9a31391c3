#include "workers/runtime/http_client.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "workers/runtime/http_transfer.hpp"

namespace oppen::runtime {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// libcurl's own set-up, once in the process and before any thread uses it.
void initialise_curl() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(done);
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

struct HttpClient::Impl {
  Impl() {
    initialise_curl();
    multi = curl_multi_init();
    thread = std::thread([this] { run(); });
  }

  // What other threads ask for, taken over by the client's thread.
  struct Inbox {
    std::vector<std::unique_ptr<HttpTransfer>> starts;
    std::vector<RequestId> cancels;
    std::vector<std::pair<SteadyTime, std::function<void()>>> timers;
  };

  // False after stop(): `item` was not taken.
  template <class Item>
  bool put(std::vector<Item> Inbox::*list, Item& item) {
    {
      const std::lock_guard lock(mutex);
      if (stopping) return false;
      (inbox.*list).push_back(std::move(item));
    }
    curl_multi_wakeup(multi);
    return true;
  }

  RequestId submit(HttpRequest request, std::chrono::seconds quiet_limit, OnChunk on_chunk,
                   Done done) {
    const RequestId id = next_id++;
    auto transfer = std::make_unique<HttpTransfer>(id, std::move(request), quiet_limit,
                                                   std::move(on_chunk), std::move(done));
    if (!put(&Inbox::starts, transfer))
      transfer->fail_with(ErrorKind::unavailable, "the HTTP client has stopped");
    return id;
  }

  void run() {
    while (take_inbox()) {
      run_timers();
      int running = 0;
      curl_multi_perform(multi, &running);
      finish_transfers();
      curl_multi_poll(multi, nullptr, 0, poll_ms(), nullptr);
    }
    while (!open.empty()) end(open.begin()->first, "the HTTP client has stopped");
  }

  // False when it is time to stop.
  bool take_inbox() {
    Inbox taken;
    bool stop = false;
    {
      const std::lock_guard lock(mutex);
      std::swap(taken, inbox);
      stop = stopping;
    }
    for (auto& timer : taken.timers) timers.insert(std::move(timer));
    for (auto& transfer : taken.starts) begin(std::move(transfer));
    for (const RequestId id : taken.cancels) end(id, "cancelled");
    return !stop;
  }

  void begin(std::unique_ptr<HttpTransfer> transfer) {
    if (const Status prepared = transfer->prepare(); !prepared) {
      transfer->fail_with(prepared.error().kind, prepared.error().message);
      return;
    }
    curl_multi_add_handle(multi, transfer->handle());
    open.emplace(transfer->id(), std::move(transfer));
  }

  std::unique_ptr<HttpTransfer> take(RequestId id) {
    auto node = open.extract(id);
    if (node.empty()) return nullptr;
    curl_multi_remove_handle(multi, node.mapped()->handle());
    return std::move(node.mapped());
  }

  void end(RequestId id, const char* why) {
    if (const auto transfer = take(id)) transfer->fail_with(ErrorKind::unavailable, why);
  }

  void finish_transfers() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      HttpTransfer* finished = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &finished);
      take(finished->id())->finish(code);
    }
  }

  void run_timers() {
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!timers.empty() && timers.begin()->first <= now) {
      const auto callback = std::move(timers.extract(timers.begin()).mapped());
      callback();
    }
  }

  int poll_ms() const {
    constexpr std::chrono::milliseconds longest{1'000};
    if (timers.empty()) return static_cast<int>(longest.count());
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
        timers.begin()->first - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp(wait, std::chrono::milliseconds{0}, longest).count());
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    curl_multi_wakeup(multi);
    if (thread.joinable()) thread.join();
  }

  ~Impl() {
    stop();
    curl_multi_cleanup(multi);
  }

  CURLM* multi = nullptr;
  std::atomic<RequestId> next_id{1};
  std::mutex mutex;
  Inbox inbox;            // under mutex
  bool stopping = false;  // under mutex
  // The client's thread alone:
  std::unordered_map<RequestId, std::unique_ptr<HttpTransfer>> open;
  std::multimap<SteadyTime, std::function<void()>> timers;
  std::thread thread;
};

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {}
HttpClient::~HttpClient() = default;

HttpClient::RequestId HttpClient::start(HttpRequest request, Done done) {
  return impl_->submit(std::move(request), {}, {}, std::move(done));
}

HttpClient::RequestId HttpClient::stream(HttpRequest request, std::chrono::seconds quiet_limit,
                                         OnChunk on_chunk, Done done) {
  return impl_->submit(std::move(request), quiet_limit, std::move(on_chunk), std::move(done));
}

void HttpClient::cancel(RequestId id) { impl_->put(&Impl::Inbox::cancels, id); }

void HttpClient::run_after(std::chrono::milliseconds delay, std::function<void()> callback) {
  std::pair timer{std::chrono::steady_clock::now() + delay, std::move(callback)};
  impl_->put(&Impl::Inbox::timers, timer);
}

Result<HttpResponse> HttpClient::send(HttpRequest request) {
  if (std::this_thread::get_id() == impl_->thread.get_id()) {
    return fail(ErrorKind::fatal,
                "a callback of the HTTP client waits for an answer of the same client");
  }
  // The client's thread keeps the deadline; the margin only covers a callback that holds it up.
  const auto patience = request.timeout + std::chrono::seconds{1};
  const std::string method = request.method;
  auto answer = std::make_shared<std::promise<Result<HttpResponse>>>();
  auto future = answer->get_future();
  const RequestId id = start(std::move(request), [answer](Result<HttpResponse> result) {
    answer->set_value(std::move(result));
  });
  if (future.wait_for(patience) == std::future_status::ready) return future.get();
  cancel(id);
  return fail(ErrorKind::unavailable,
              method + ": no answer within " + std::to_string(patience.count()) + " ms");
}

void HttpClient::stop() { impl_->stop(); }

}  // namespace oppen::runtime
