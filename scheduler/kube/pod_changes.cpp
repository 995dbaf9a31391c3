#include "scheduler/kube/pod_changes.hpp"

#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/names.hpp"

namespace oppen::kube {
namespace {

constexpr std::chrono::seconds change_deadline{30};

}  // namespace

PodChange::PodChange(ApiCaller& caller, std::string pod_path, std::string uid, Done done)
    : tries_(caller, change_deadline),
      pod_path_(std::move(pod_path)),
      uid_(std::move(uid)),
      done_(std::move(done)) {}

void PodChange::later(const Error& problem, std::optional<std::chrono::milliseconds> wait,
                      std::function<void()> next) {
  if (!tries_.again(wait, std::move(next))) done_(fail(problem));
}

Error PodChange::error_from(const ApiProblem& problem, const char* doing) const {
  const ErrorKind kind = is_transient(problem.status) || problem.status == 409
                             ? ErrorKind::unavailable
                         : problem.status == 403 ? ErrorKind::refused
                                                 : ErrorKind::invalid;
  return Error{kind, problem.message}.in_context(std::string(doing) + pod_path_);
}

void Removal::start() {
  const Json options = {{"apiVersion", "v1"},
                        {"kind", "DeleteOptions"},
                        {"gracePeriodSeconds", grace_.count()},
                        {"preconditions", {{"uid", uid_}}}};
  tries_.send({"DELETE", pod_path_, options.dump()},
              [self = shared_from_this()](const Result<runtime::HttpResponse>& answer) {
                self->on_answer(answer);
              });
}

void Removal::on_answer(const Result<runtime::HttpResponse>& answer) {
  const auto start_again = [self = shared_from_this()] { self->start(); };
  if (!answer)
    return later(answer.error().in_context("deleting " + pod_path_), std::nullopt, start_again);
  if (answer->ok() || answer->status == 404) return done_({});
  const ApiProblem problem = problem_of(*answer);
  const bool other_pod = problem.status == 409 && problem.message.find("UID") != std::string::npos;
  if (other_pod) return done_({});
  const Error error = error_from(problem, "deleting ");
  if (error.kind == ErrorKind::unavailable) return later(error, retry_after(*answer), start_again);
  done_(fail(error));
}

void Release::patch(std::size_t index) {
  // Does nothing at all unless it is this very pod and this very finalizer.
  const std::string finalizer = "/metadata/finalizers/" + std::to_string(index);
  const Json patch = {{{"op", "test"}, {"path", "/metadata/uid"}, {"value", uid_}},
                      {{"op", "test"}, {"path", finalizer}, {"value", names::finalizer}},
                      {{"op", "remove"}, {"path", finalizer}}};
  tries_.send({"PATCH", pod_path_, patch.dump(), "application/json-patch+json"},
              [self = shared_from_this()](const Result<runtime::HttpResponse>& answer) {
                self->on_patched(answer);
              });
}

void Release::on_patched(const Result<runtime::HttpResponse>& answer) {
  const auto read_pod = [self = shared_from_this()] { self->read(); };
  if (!answer)
    return later(answer.error().in_context("releasing " + pod_path_), std::nullopt, read_pod);
  if (answer->ok() || answer->status == 404) return done_({});
  if (answer->status == 422) return read();  // the test failed: another pod, or other finalizers
  const Error error = error_from(problem_of(*answer), "releasing ");
  if (error.kind == ErrorKind::unavailable) return later(error, retry_after(*answer), read_pod);
  done_(fail(error));
}

void Release::read() {
  tries_.send({"GET", pod_path_},
              [self = shared_from_this()](const Result<runtime::HttpResponse>& answer) {
                self->on_read(answer);
              });
}

void Release::on_read(const Result<runtime::HttpResponse>& answer) {
  const auto read_again = [self = shared_from_this()] { self->read(); };
  if (!answer)
    return later(answer.error().in_context("releasing " + pod_path_), std::nullopt, read_again);
  if (answer->status == 404) return done_({});
  if (!answer->ok()) {
    const Error error = error_from(problem_of(*answer), "reading ");
    if (error.kind == ErrorKind::unavailable) return later(error, retry_after(*answer), read_again);
    return done_(fail(error));
  }
  const Json pod = Json::parse(answer->body, nullptr, false);
  const Json& metadata = member(pod, "metadata");
  if (text(metadata, "uid") != uid_) return done_({});
  const Json& finalizers = elements(metadata, "finalizers");
  for (std::size_t index = 0; index < finalizers.size(); ++index) {
    if (finalizers[index] != names::finalizer) continue;
    const Error changing{ErrorKind::unavailable,
                         "the finalizers of " + pod_path_ + " keep changing"};
    return later(changing, std::nullopt,
                 [self = shared_from_this(), index] { self->patch(index); });
  }
  done_({});
}

}  // namespace oppen::kube
