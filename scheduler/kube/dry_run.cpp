#include "scheduler/kube/dry_run.hpp"

#include <string_view>
#include <utility>

namespace oppen::kube {
namespace {

// Of its kind all refusals are about the pod itself; others come and go with quotas, limits and rights, and launching meets them.
bool is_about_the_pod(const ApiProblem& problem) {
  const auto says = [&problem](std::string_view part) {
    return problem.message.find(part) != std::string::npos;
  };
  if (problem.status == 403) return says("violates PodSecurity");
  // A webhook that can't be asked without an effect: the API server refuses the question, not the pod.
  if (problem.status == 400) return !says("does not support dry run");
  return problem.status == 422;
}

}  // namespace

DryRun::DryRun(ApiCaller& caller, const std::string& pods_path, std::string manifest_json,
               std::chrono::milliseconds deadline, std::function<void(Status)> done)
    : tries_(caller, deadline),
      // Strict: a field that it does not know would be dropped without a word otherwise.
      path_(pods_path + "?dryRun=All&fieldValidation=Strict"),
      manifest_(std::move(manifest_json)),
      done_(std::move(done)) {}

void DryRun::start() {
  tries_.send({"POST", path_, manifest_},
              [self = shared_from_this()](const Result<runtime::HttpResponse>& answer) {
                self->on_answer(answer);
              });
}

void DryRun::on_answer(const Result<runtime::HttpResponse>& answer) {
  if (!answer) return later(answer.error().message);
  if (answer->ok()) return done_({});
  const ApiProblem problem = problem_of(*answer);
  // Without its namespace nothing is judged; a 409 is of writers who count the same quota, or of a pod that has the name.
  const bool open = is_transient(problem.status) || problem.status == 404 ||
                    (problem.status == 409 && problem.reason != "AlreadyExists");
  if (open) return later(problem.message, retry_after(*answer));
  done_(is_about_the_pod(problem) ? fail(ErrorKind::invalid, problem.message) : Status());
}

void DryRun::later(const std::string& why, std::optional<std::chrono::milliseconds> wait) {
  if (!tries_.again(wait, [self = shared_from_this()] { self->start(); }))
    done_(fail(ErrorKind::unavailable, why));
}

}  // namespace oppen::kube
