#pragma once
// Whether Kubernetes would take the pod templates of a policy. Asks the API server about each that it has not judged yet, with a pod as
// a job of that model type gets it, and remembers what it took. Core's thread; answers reach it through `post`.
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "scheduler/core/state.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {

class TemplateCheck {
 public:
  using Post = std::function<void(std::function<Status()>)>;
  // `on_answers` is called once all that was asked about has been answered.
  TemplateCheck(State& state, Post post, std::function<Status()> on_answers);

  struct Verdict {
    bool open = false;  // it is being asked: look again after on_answers
    std::string fault;  // each template that is refused, with the API server's words; "" for none
  };
  Verdict judge(const plan::Policy& policy);
  // Counts as taken: an earlier leader had it in force.
  void trust(const plan::Policy& policy);

  bool asking() const { return open_ > 0; }
  // Some got no answer: judge() asks anew. True once.
  bool take_unanswered() { return std::exchange(unanswered_, false); }

 private:
  enum class Answer { open, taken, refused };
  struct Known {
    Answer answer = Answer::open;
    std::string fault;
  };
  void ask(const std::string& key, const std::string& model_type, std::string manifest);
  Status on_answer(const std::string& key, const std::string& model_type, const Status& answer);

  State& state_;
  Post post_;
  std::function<Status()> on_answers_;
  std::map<std::string, Known> known_;  // by digest of the pod
  std::size_t open_ = 0;                // asked and not answered
  bool unanswered_ = false;
  runtime::Recurring trouble_;
};

}  // namespace oppen::core
