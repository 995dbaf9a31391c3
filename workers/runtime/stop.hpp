#pragma once
// SIGTERM and SIGINT as a stop token. Construct first thing in main, before any thread: it blocks the signals in every
// thread and waits for them on one of its own. A second signal ends the process at once (exit code 130).
#include <memory>
#include <stop_token>

namespace oppen::runtime {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  std::stop_token token() const;
  // The same as a signal, for a program that ends by itself.
  void request();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
