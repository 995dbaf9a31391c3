// Proves how a pod's log is read from the Kubernetes API: as it comes, with a bounded part of it in memory however slow the
// reader is, and what each refusal of the API server means.
#include "workers/console/kube_logs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

namespace oppen::console {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class KubeLogsTest : public ::testing::Test {
 protected:
  KubeLogsTest() : port_(server_.bind_to_any_port("127.0.0.1")) {
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    const std::string file = ::testing::TempDir() + "/kubeconfig-" + std::to_string(getpid());
    std::ofstream(file) << "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                        << "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                        << "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:" << port_
                        << "'}}]\n"
                        << "users: [{name: u, user: {token: secret}}]\n";
    access_ = runtime::KubeAccess::from_kubeconfig(file);
    std::remove(file.c_str());
  }
  ~KubeLogsTest() override {
    server_.stop();
    thread_.join();
  }

  void answer(int status, const std::string& body) {
    server_.Get(path_, [status, body](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content(body, "application/json");
    });
  }
  static std::string read_all(LogStream& log) {
    std::string all;
    std::string piece;
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < give_up) {
      const auto read = log.next(piece, 500ms);
      if (read == LogStream::Read::end) return all;
      if (read == LogStream::Read::data) all += piece;
    }
    ADD_FAILURE() << "the log does not end";
    return all;
  }

  const char* const path_ = "/api/v1/namespaces/ml-training/pods/a-1/log";
  httplib::Server server_;
  int port_;
  std::thread thread_;
  Result<std::unique_ptr<runtime::KubeAccess>> access_ = fail(ErrorKind::fatal, "");
  KubeLogs logs_{access_, "ml-training"};
};

TEST_F(KubeLogsTest, AsksForTheContainerAndReadsToTheEnd) {
  server_.Get(path_, [](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.target, "text/plain");
  });
  const auto log = logs_.open({"a-1", true, 20});
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(read_all(**log), std::string(path_) + "?container=train&follow=true&tailLines=20");
}

TEST_F(KubeLogsTest, ReadsAnEmptyLog) {
  server_.Get(path_, [](const httplib::Request&, httplib::Response& response) {
    response.set_content("", "text/plain");
  });
  const auto log = logs_.open({"a-1", false, -1});
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(read_all(**log), "");
}

TEST_F(KubeLogsTest, GivesEachPieceWhenItComes) {
  std::atomic<bool> heard{false};
  server_.Get(path_, [&heard](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("text/plain",
                                          [&heard](std::size_t offset, httplib::DataSink& sink) {
                                            if (offset == 0) return sink.write("epoch 1\n", 8);
                                            while (!heard) std::this_thread::yield();
                                            sink.write("epoch 2\n", 8);
                                            sink.done();
                                            return true;
                                          });
  });
  const auto log = logs_.open({"a-1", true, -1});
  ASSERT_TRUE(log) << log.error().message;
  std::string piece;
  EXPECT_EQ((*log)->next(piece, 20s), LogStream::Read::data);
  EXPECT_EQ(piece, "epoch 1\n");
  EXPECT_EQ((*log)->next(piece, 1ms), LogStream::Read::quiet);
  heard = true;
  EXPECT_EQ(read_all(**log), "epoch 2\n");
}

TEST_F(KubeLogsTest, MakesTheApiServerWaitForASlowReader) {
  constexpr std::size_t total = 64u << 20;
  std::atomic<std::size_t> written{0};
  server_.Get(path_, [&written](const httplib::Request&, httplib::Response& response) {
    response.set_content_provider(
        total, "text/plain", [&written](std::size_t, std::size_t length, httplib::DataSink& sink) {
          static const std::string block(64 * 1024, 'x');
          const std::size_t size = std::min(length, block.size());
          written += size;
          return sink.write(block.data(), size);
        });
  });
  const auto log = logs_.open({"a-1", false, -1});
  ASSERT_TRUE(log) << log.error().message;
  std::string piece;
  std::size_t largest = 0;
  std::size_t read = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ((*log)->next(piece, 20s), LogStream::Read::data);
    largest = std::max(largest, piece.size());
    read += piece.size();
  }
  EXPECT_LT(largest, 512u * 1024);
  EXPECT_LT(written, total);
  EXPECT_EQ(read + read_all(**log).size(), total);
}

TEST_F(KubeLogsTest, CanBeDroppedInTheMiddle) {
  server_.Get(path_, [](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider(
        "text/plain", [](std::size_t, httplib::DataSink& sink) { return sink.write("more\n", 5); });
  });
  auto log = logs_.open({"a-1", true, -1});
  ASSERT_TRUE(log) << log.error().message;
  log->reset();  // returns, and the API server's side ends too
}

TEST_F(KubeLogsTest, SaysThatThereIsNoSuchPod) {
  answer(404, R"({"kind":"Status","message":"pods \"a-1\" not found"})");
  const auto log = logs_.open({"a-1", false, -1});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, ErrorKind::not_found);
  EXPECT_EQ(log.error().message, "pods \"a-1\" not found");
}

TEST_F(KubeLogsTest, SaysThatTheContainerHasNotBegun) {
  answer(
      400,
      R"({"message":"container \"train\" in pod \"a-1\" is waiting to start: ContainerCreating"})");
  const auto log = logs_.open({"a-1", false, -1});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, ErrorKind::not_found);
  EXPECT_THAT(log.error().message, HasSubstr("ContainerCreating"));
}

TEST_F(KubeLogsTest, NamesAMissingRight) {
  answer(403, R"({"message":"pods \"a-1\" is forbidden: cannot get resource \"pods/log\""})");
  const auto log = logs_.open({"a-1", false, -1});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, ErrorKind::refused);
  EXPECT_THAT(log.error().message, HasSubstr("pods/log"));
}

TEST_F(KubeLogsTest, NamesAnApiServerThatIsAway) {
  answer(500, "a proxy's page");
  const auto broken = logs_.open({"a-1", false, -1});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(broken.error().message, HasSubstr("KUBECONFIG"));

  const Result<std::unique_ptr<runtime::KubeAccess>> nowhere =
      fail(ErrorKind::invalid, "no kubeconfig");
  const auto unknown = KubeLogs(nowhere, "ml-training").open({"a-1", false, -1});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(unknown.error().message, HasSubstr("no kubeconfig"));
}

}  // namespace
}  // namespace oppen::console
