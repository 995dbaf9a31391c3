#pragma once
// How other threads ask the core of the term that leads: it answers on its own thread, between two events, with copies. Outlives terms,
// each of which opens it. Any thread; what a term hands over is called on the core's thread alone.
#include <chrono>
#include <functional>
#include <mutex>

#include "scheduler/core/admission.hpp"
#include "scheduler/core/situation.hpp"
#include "schemas/error.hpp"

namespace oppen::core {

class Inquiry {
 public:
  struct Sources {
    std::function<Result<Situation>()> situation;
    std::function<Result<AdmissionRules>()> rules;
  };
  // Runs a task on the core's thread later, or never when the term ends first.
  using Post = std::function<void(std::function<Status()>)>;

  // Open while this lives.
  class Term {
   public:
    Term(Inquiry& inquiry, Post post, Sources sources);
    ~Term();
    Term(const Term&) = delete;
    Term& operator=(const Term&) = delete;

   private:
    Inquiry& inquiry_;
  };

  bool leads() const;
  // Errors: unavailable, when this scheduler does not lead or the core does not answer in time.
  Result<Situation> situation(std::chrono::milliseconds deadline);
  Result<AdmissionRules> rules(std::chrono::milliseconds deadline);

 private:
  template <class T>
  Result<T> ask(std::function<Result<T>()> Sources::*source, std::chrono::milliseconds deadline);

  mutable std::mutex mutex_;
  Post post_;  // under mutex_, as are the sources; empty: no term leads
  Sources sources_;
};

}  // namespace oppen::core
