#include "scheduler/core/inquiry.hpp"

#include <fmt/format.h>

#include <future>

namespace oppen::core {

Inquiry::Term::Term(Inquiry& inquiry, Post post, Sources sources) : inquiry_(inquiry) {
  const std::lock_guard lock(inquiry_.mutex_);
  inquiry_.post_ = std::move(post);
  inquiry_.sources_ = std::move(sources);
}

Inquiry::Term::~Term() {
  const std::lock_guard lock(inquiry_.mutex_);
  inquiry_.post_ = {};
  inquiry_.sources_ = {};
}

bool Inquiry::leads() const {
  const std::lock_guard lock(mutex_);
  return static_cast<bool>(post_);
}

template <class T>
Result<T> Inquiry::ask(std::function<Result<T>()> Sources::*source,
                       std::chrono::milliseconds deadline) {
  // Kept by both sides: whichever comes last finds it.
  const auto answer = std::make_shared<std::promise<Result<T>>>();
  auto future = answer->get_future();
  {
    const std::lock_guard lock(mutex_);
    if (!post_) {
      return fail(ErrorKind::unavailable,
                  "this scheduler does not lead: another does, or none does yet");
    }
    post_([answer, answers = sources_.*source]() -> Status {
      answer->set_value(answers());
      return {};
    });
  }
  if (future.wait_for(deadline) == std::future_status::ready) return future.get();
  return fail(ErrorKind::unavailable, fmt::format("the scheduler is busy: it has not answered "
                                                  "within {} ms",
                                                  deadline.count()));
}

Result<Situation> Inquiry::situation(std::chrono::milliseconds deadline) {
  return ask(&Sources::situation, deadline);
}

Result<AdmissionRules> Inquiry::rules(std::chrono::milliseconds deadline) {
  return ask(&Sources::rules, deadline);
}

}  // namespace oppen::core
