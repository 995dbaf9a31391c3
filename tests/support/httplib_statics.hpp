#pragma once
// For builds with the thread sanitizer alone; include it in a test program that serves by cpp-httplib.
//
// Where cpp-httplib is a library of its own, it makes static objects when it serves its first request. The sanitizer does
// not see in a library what guards them, and calls each use of them on a second thread a race. Here they are made before
// the program's threads are. (Suppressions won't do: they would hide the races of what the server calls, too.)
#include <httplib.h>

#ifdef __SANITIZE_THREAD__
#include <thread>

namespace oppen::test {

inline const bool httplib_statics_are_made = [] {
  httplib::Server server;
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&server] { server.listen_after_bind(); });
  const bool answered = static_cast<bool>(httplib::Client("127.0.0.1", port).Get("/"));
  server.stop();
  serving.join();
  return answered;
}();

}  // namespace oppen::test
#endif
