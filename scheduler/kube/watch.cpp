#include "scheduler/kube/watch.hpp"

#include <random>
#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/list_parse.hpp"

namespace oppen::kube {
namespace {

constexpr std::chrono::milliseconds first_wait{100};
constexpr std::chrono::milliseconds longest_wait{30'000};
constexpr std::chrono::milliseconds page_timeout{60'000};
// Bookmarks come about once a minute, whatever else is quiet.
constexpr std::chrono::seconds quiet_limit{180};
constexpr std::size_t longest_event = std::size_t{16}
                                      << 20;  // etcd keeps no object larger than a tenth of it
constexpr int http_gone = 410;

// The server ends a watch after this many seconds; by chance, so that not all watches of all
// clients start anew together.
std::string watch_seconds() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::to_string(std::uniform_int_distribution<int>(300, 600)(random));
}

}  // namespace

Watch::Watch(ApiCaller& caller, WatchTarget target, WatchSink sink)
    : caller_(caller),
      target_(std::move(target)),
      sink_(std::move(sink)),
      backoff_(first_wait, longest_wait),
      lines_(longest_event) {}

void Watch::list() {
  sink_.on_list_begin();
  page("");
}

void Watch::page(const std::string& continue_token) {
  std::string parameters = "limit=500";
  if (!continue_token.empty()) parameters += "&continue=" + escaped(continue_token);
  caller_.call({"GET", query(parameters)}, page_timeout,
               [this, is_continued = !continue_token.empty()](
                   const Result<runtime::HttpResponse>& answer) { on_page(answer, is_continued); });
}

void Watch::on_page(const Result<runtime::HttpResponse>& answer, bool is_continued) {
  if (!answer) return trouble(answer.error().kind, answer.error().message, &Watch::list);
  if (is_continued && answer->status == http_gone) {
    // The list took longer than the server keeps its snapshot. Nothing is wrong with the server.
    caller_.http().run_after(backoff_.next(), [this] { list(); });
    return;
  }
  if (!answer->ok()) return trouble(*answer, &Watch::list);
  const auto page_end = parse_list(answer->body, sink_.on_list_item);
  if (!page_end) return trouble(page_end.error().kind, page_end.error().message, &Watch::list);
  if (!page_end->continue_token.empty()) return page(page_end->continue_token);
  resource_version_ = page_end->resource_version;
  sink_.on_list_end();
  watch();
}

void Watch::watch() {
  lines_.clear();
  stream_error_.reset();
  gone_ = false;
  open_ = false;
  heard_ = false;
  opened_at_ = std::chrono::steady_clock::now();
  runtime::HttpRequest request = caller_.access().request(
      "GET", query("watch=1&allowWatchBookmarks=true&timeoutSeconds=" + watch_seconds() +
                   "&resourceVersion=" + resource_version_));
  request.headers.emplace_back("Accept", "application/json");
  caller_.http().stream(
      std::move(request), quiet_limit, [this](std::string_view piece) { return on_chunk(piece); },
      [this](const Result<runtime::HttpResponse>& answer) { on_watch_end(answer); });
}

bool Watch::on_chunk(std::string_view piece) {
  if (piece.empty()) {
    open_ = true;
    sink_.on_health({});
    return true;
  }
  if (lines_.feed(piece, [this](std::string_view line) { return on_event(line); })) return true;
  if (!gone_ && !stream_error_) stream_error_ = Error{ErrorKind::invalid, "an event is too long"};
  return false;
}

bool Watch::on_event(std::string_view line) {
  const Json event = Json::parse(line, nullptr, false);
  const std::string type = text(event, "type");
  const Json& object = member(event, "object");
  const Json& metadata = member(object, "metadata");
  if (type == "ERROR") {
    gone_ = whole_number(object, "code") == http_gone;
    if (!gone_) stream_error_ = Error{ErrorKind::unavailable, text(object, "message")};
    return false;
  }
  std::string version = text(metadata, "resourceVersion");
  if (type.empty() || version.empty()) {
    stream_error_ = Error{ErrorKind::invalid, "an event is malformed"};
    return false;
  }
  resource_version_ = std::move(version);
  heard_ = true;
  backoff_.reset();
  if (type == "ADDED" || type == "MODIFIED" || type == "DELETED")
    sink_.on_change(object, type == "DELETED");
  return true;
}

void Watch::on_watch_end(const Result<runtime::HttpResponse>& answer) {
  if (gone_) {
    // At once, unless it happens again and again.
    const auto wait = heard_ ? std::chrono::milliseconds{0} : backoff_.next();
    caller_.http().run_after(wait, [this] { list(); });
  } else if (stream_error_) {
    trouble(stream_error_->kind, stream_error_->message, &Watch::list);
  } else if (!answer && open_) {
    // Broken, which is no trouble yet. Whatever answers next may be a server that was restored from
    // a backup: list.
    caller_.http().run_after(backoff_.next(), [this] { list(); });
  } else if (!answer) {
    trouble(answer.error().kind, answer.error().message, &Watch::list);
  } else {
    watch_again_after(answer);
  }
}

void Watch::watch_again_after(const Result<runtime::HttpResponse>& answer) {
  if (answer->status == http_gone) {
    caller_.http().run_after(backoff_.next(), [this] { list(); });
  } else if (answer->status == 401) {
    caller_.access().unauthorized();
    trouble(*answer, &Watch::watch);
  } else if (is_transient(answer->status)) {
    trouble(*answer, &Watch::watch);
  } else if (!answer->ok()) {
    trouble(*answer, &Watch::list);
  } else {
    // Its time was over. A server that ends every watch at once is not asked in a tight loop.
    const bool lasted =
        heard_ || std::chrono::steady_clock::now() - opened_at_ > std::chrono::seconds{1};
    if (lasted) backoff_.reset();
    caller_.http().run_after(lasted ? std::chrono::milliseconds{0} : backoff_.next(),
                             [this] { watch(); });
  }
}

void Watch::trouble(ErrorKind kind, const std::string& message, void (Watch::*next)(),
                    std::optional<std::chrono::milliseconds> wait) {
  sink_.on_health(fail(Error{kind, message}.in_context("watching " + target_.what)));
  caller_.http().run_after(wait.value_or(std::chrono::milliseconds{0}) + backoff_.next(),
                           [this, next] { (this->*next)(); });
}

void Watch::trouble(const runtime::HttpResponse& response, void (Watch::*next)()) {
  const ApiProblem problem = problem_of(response);
  const ErrorKind kind = problem.status == 403   ? ErrorKind::refused
                         : problem.status == 404 ? ErrorKind::not_found
                                                 : ErrorKind::unavailable;
  trouble(kind, problem.message, next, retry_after(response));
}

std::string Watch::query(const std::string& parameters) const {
  std::string path = target_.path + "?" + parameters;
  if (!target_.selector.empty()) path += "&" + target_.selector;
  return path;
}

}  // namespace oppen::kube
