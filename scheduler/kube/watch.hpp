#pragma once
// Keeps one collection of the API server known: lists it, then watches it from there on, for as
// long as the HttpClient lives. Keeps no objects. Lives on the HttpClient's thread.
#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/kube/api_caller.hpp"
#include "scheduler/kube/line_splitter.hpp"
#include "schemas/error.hpp"

namespace oppen::kube {

struct WatchTarget {
  std::string what;  // for messages: "pods", "ConfigMap cost-model"
  std::string path;  // "/api/v1/namespaces/ml-training/pods"
  std::string selector =
      {};  // further query parameters, escaped: "fieldSelector=metadata.name%3Dcost-model"
};

struct WatchSink {
  // A list replaces everything known. Between begin and end comes every item; a list that fails has
  // no end.
  std::function<void()> on_list_begin;
  std::function<void(const nlohmann::json& object)> on_list_item;
  std::function<void()> on_list_end;
  std::function<void(const nlohmann::json& object, bool deleted)> on_change;
  // Whether this collection can be read and watched; called at each attempt.
  std::function<void(const Status&)> on_health;
};

class Watch {
 public:
  // `caller` must outlive it, and it must outlive the HttpClient's thread.
  Watch(ApiCaller& caller, WatchTarget target, WatchSink sink);

  void start() { list(); }

 private:
  void list();
  void page(const std::string& continue_token);
  void on_page(const Result<runtime::HttpResponse>& answer, bool is_continued);
  void watch();
  bool on_chunk(std::string_view piece);
  bool on_event(std::string_view line);
  void on_watch_end(const Result<runtime::HttpResponse>& answer);
  void watch_again_after(const Result<runtime::HttpResponse>& answer);
  // Reports the problem and goes on with `next` after a while.
  void trouble(ErrorKind kind, const std::string& message, void (Watch::*next)(),
               std::optional<std::chrono::milliseconds> wait = std::nullopt);
  void trouble(const runtime::HttpResponse& response, void (Watch::*next)());
  std::string query(const std::string& parameters) const;

  ApiCaller& caller_;
  WatchTarget target_;
  WatchSink sink_;
  Backoff backoff_;
  std::string resource_version_;
  LineSplitter lines_;
  std::optional<Error> stream_error_;  // why the present stream was ended from here
  bool gone_ = false;                  // 410: too far behind, list again
  bool open_ = false;                  // the present stream was answered
  bool heard_ = false;                 // an event came on the present stream
  std::chrono::steady_clock::time_point opened_at_{};
};

}  // namespace oppen::kube
