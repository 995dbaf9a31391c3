#pragma once
// An HTTP server on a free local port that answers as the test says: any status, answers that get
// lost, streams that stay open. Its handler runs on threads of its own, one call at a time.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace oppen::test {

// How long a test waits for what must happen.
inline constexpr std::chrono::seconds patience{20};

struct Asked {
  std::string method;
  std::string path;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct Answer {
  int status = 200;
  std::string body = {};
  std::map<std::string, std::string> headers = {};
  bool lost = false;                     // the connection breaks in the middle of the answer
  std::vector<std::string> pieces = {};  // a stream: written one by one
  bool stays_open = false;               // the stream goes on, silently, until the server is closed
};

struct ServerTls {
  std::string certificate_file;
  std::string key_file;
  std::string client_ca_file;  // "": clients need no certificate
};

class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<Answer(const Asked&)> handler,
                          const std::optional<ServerTls>& tls = {});
  ~ScriptedServer();

  // "http://127.0.0.1:port"
  std::string url() const;
  // Breaks off the streams that stay open.
  void end_streams();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Values that arrive on another thread.
template <class T>
class Arrivals {
 public:
  void add(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();  // still locked: whoever waits may be gone right after
  }
  // The next value; throws std::runtime_error when none comes.
  T next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return !values_.empty(); })) {
      throw std::runtime_error("nothing arrived");
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return values_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

}  // namespace oppen::test
