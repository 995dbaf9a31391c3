#include "scheduler/kube/launch.hpp"

#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/pod_parse.hpp"

namespace oppen::kube {
namespace {

std::optional<Pod> pod_in(const runtime::HttpResponse& response) {
  const Json object = Json::parse(response.body, nullptr, false);
  if (text(object, "kind") != "Pod") return std::nullopt;
  return parse_pod(object);
}

bool is_same_attempt(const Pod& found, const Pod& wanted) {
  return found.managed && found.job_id == wanted.job_id && found.attempt == wanted.attempt &&
         found.spec_hash == wanted.spec_hash;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// A namespace or quota that was made a moment ago: its controllers haven't got to it yet.
bool is_still_being_set_up(const ApiProblem& forbidden) {
  return contains(forbidden.message, "status unknown for quota") ||
         contains(forbidden.message, "serviceaccount \"default\" not found");
}

}  // namespace

Launch::Launch(ApiCaller& caller, std::string pods_path, std::string pod_name,
               std::string manifest_json, std::chrono::milliseconds deadline,
               std::function<void(LaunchOutcome)> done)
    : tries_(caller, deadline),
      pods_path_(std::move(pods_path)),
      pod_name_(std::move(pod_name)),
      manifest_(std::move(manifest_json)),
      wanted_(parse_pod(Json::parse(manifest_, nullptr, false))),
      done_(std::move(done)) {}

void Launch::create() {
  if (abandoned_) return finish(LaunchResult::unavailable, "the attempt has ended meanwhile");
  over_quota_.clear();
  tries_.send({"POST", pods_path_, manifest_},
              [self = shared_from_this()](const Result<runtime::HttpResponse>& answer) {
                self->on_created(answer);
              });
}

void Launch::read() {
  tries_.send({"GET", pods_path_ + "/" + pod_name_},
              [self = shared_from_this()](const Result<runtime::HttpResponse>& answer) {
                self->on_read(answer);
              });
}

void Launch::on_created(const Result<runtime::HttpResponse>& answer) {
  // Without an answer the pod may exist or not.
  if (!answer) return later(&Launch::read, answer.error().message);
  if (answer->ok()) {
    auto pod = pod_in(*answer);
    if (!pod) return later(&Launch::read, "the answer to the creation isn't a pod");
    return finish(LaunchResult::launched, "", std::move(pod));
  }
  const ApiProblem problem = problem_of(*answer);
  if (is_transient(problem.status))
    return later(&Launch::create, problem.message, retry_after(*answer));
  if (problem.status == 403) return on_forbidden(problem);
  if (problem.status == 409) {
    // Any other conflict is that of writers who count the same quota.
    return problem.reason == "AlreadyExists" ? read() : later(&Launch::create, problem.message);
  }
  // Without its namespace nothing can be launched, which says nothing of this pod.
  if (problem.status == 404) return later(&Launch::create, problem.message);
  finish(LaunchResult::rejected, problem.message);
}

void Launch::on_forbidden(const ApiProblem& problem) {
  if (contains(problem.message, "exceeded quota")) {
    // Quotas are checked before names: what fills it may be the pod of an earlier try that was not answered.
    over_quota_ = problem.message;
    read();
  } else if (is_still_being_set_up(problem) || contains(problem.message, "being terminated")) {
    later(&Launch::create, problem.message);
  } else {
    finish(LaunchResult::rejected, problem.message);
  }
}

void Launch::on_read(const Result<runtime::HttpResponse>& answer) {
  if (!answer) return later(&Launch::read, answer.error().message);
  if (answer->ok()) {
    auto pod = pod_in(*answer);
    if (!pod) return later(&Launch::read, "the answer to the question for the pod isn't a pod");
    if (is_same_attempt(*pod, wanted_) && (!pod->deleting || pod->terminal())) {
      return finish(LaunchResult::launched, "", std::move(pod));
    }
    // Whosever it is, the name is free again once it is gone. It may be of this attempt, launched with another spec before Redis
    // lost the last second.
    if (pod->deleting)
      return later(&Launch::create, "pod " + pod_name_ + " is being deleted");
    std::string message =
        "pod " + pod_name_ + " exists and is " +
        (pod->managed ? "of job \"" + pod->job_id + "\", attempt " + std::to_string(pod->attempt) +
                            ", spec hash \"" + pod->spec_hash + "\""
                      : "not managed by Oppen");
    return finish(LaunchResult::clash, std::move(message), std::move(pod));
  }
  const ApiProblem problem = problem_of(*answer);
  if (problem.status == 404) {
    if (!over_quota_.empty())
      return finish(LaunchResult::over_quota, std::exchange(over_quota_, {}));
    return later(&Launch::create, "the creation was not answered, and there is no such pod yet");
  }
  // Also without the right to read it: the pod may exist, so that this is no reason to give the job
  // up.
  later(&Launch::read, problem.message, retry_after(*answer));
}

void Launch::later(Step step, const std::string& why,
                   std::optional<std::chrono::milliseconds> wait) {
  const bool in_time =
      tries_.again(wait, [self = shared_from_this(), step] { (self.get()->*step)(); });
  if (!in_time) finish(LaunchResult::unavailable, why);
}

void Launch::finish(LaunchResult result, std::string message, std::optional<Pod> pod) {
  done_({result, std::move(message), std::move(pod)});
}

}  // namespace oppen::kube
