#include "tests/support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

extern char** environ;

namespace oppen::runtime {
namespace {

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(socket, generic, size), 0);
  EXPECT_EQ(getsockname(socket, generic, &size), 0);
  close(socket);
  return ntohs(address.sin_port);
}

bool accepts(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_LT(path.copy(address.sun_path, sizeof address.sun_path), sizeof address.sun_path) << path;
  const bool connected =
      connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket);
  return connected;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
  std::string folder = testing::TempDir() + "/redis-XXXXXX";
  folder_ = mkdtemp(folder.data());
  start();
}

RedisServer::~RedisServer() {
  kill();
  std::filesystem::remove_all(folder_);
}

// Another process may take a free port first, and would be taken for this server by whoever connects to it. The server ends then.
void RedisServer::start() {
  const bool first = port_ == 0;
  for (int tries = 0; tries < 10; ++tries) {
    if (first) port_ = free_port();
    spawn();
    if (testing::Test::HasFatalFailure()) return;
    if (comes_up()) return;
  }
  FAIL() << "redis-server ends as soon as it is started";
}

void RedisServer::spawn() {
  // It must not outlive a test program that is killed.
  std::vector<std::string> words{"setpriv",         "--pdeathsig", "KILL",
                                 "redis-server",    "--port",      std::to_string(port_),
                                 "--bind",          "127.0.0.1",   "--dir",
                                 folder_,           "--save",      "",
                                 "--appendonly",    "no",          "--unixsocket",
                                 folder_ / "socket"};
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> args;
  for (auto& word : words) args.push_back(word.data());
  args.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ASSERT_EQ(posix_spawnp(&process_, "setpriv", &actions, nullptr, args.data(), environ), 0)
      << "redis-server must be installed";
  posix_spawn_file_actions_destroy(&actions);
}

// Asks at the socket in its own folder, where nobody else listens: it opens that one when it has the port.
bool RedisServer::comes_up() {
  const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!accepts(folder_ / "socket")) {
    if (waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = -1;
      return false;
    }
    if (std::chrono::steady_clock::now() > give_up_at) {
      ADD_FAILURE() << "redis-server does not listen";
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

void RedisServer::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

void RedisServer::pause(bool paused) { ::kill(process_, paused ? SIGSTOP : SIGCONT); }

}  // namespace oppen::runtime
