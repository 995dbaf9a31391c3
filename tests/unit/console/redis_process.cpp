#include "tests/unit/console/redis_process.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "workers/runtime/redis.hpp"

namespace oppen::console {
namespace {

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, size) != 0 || getsockname(fd, generic, &size) != 0)
    throw std::runtime_error("no free port");
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

RedisProcess::RedisProcess() : port_(free_port()), pid_(fork()) {
  if (pid_ == 0) {
    const std::string port = std::to_string(port_);
    execlp("redis-server", "redis-server", "--port", port.c_str(), "--bind", "127.0.0.1", "--save",
           "", "--appendonly", "no", "--logfile", "/dev/null", nullptr);
    _exit(127);
  }
  const auto redis = runtime::Redis::create(url(), std::chrono::seconds{1});
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!(*redis)->command({"PING"})) {
    if (std::chrono::steady_clock::now() > give_up)
      throw std::runtime_error("redis-server does not start");
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

RedisProcess::~RedisProcess() { kill(); }

void RedisProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string RedisProcess::url() const {
  return "redis://127.0.0.1:" + std::to_string(port_) + "/0";
}

}  // namespace oppen::console
