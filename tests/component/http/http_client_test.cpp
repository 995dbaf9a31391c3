// Proves the HTTP client against a real local server: answers, streams, limits, cancelling and
// stopping, and that every request is answered exactly once whatever happens.
#include "workers/runtime/http_client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <sstream>

#include "tests/component/http/scripted_server.hpp"

namespace oppen::runtime {
namespace {

using test::Answer;
using test::Arrivals;
using test::Asked;
using test::ScriptedServer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

TEST(HttpClient, AnswersWithStatusHeadersAndBody) {
  Asked asked;
  ScriptedServer server([&](const Asked& what) {
    asked = what;
    return Answer{429, "slowly", {{"Retry-After", "7"}}};
  });
  HttpClient client;
  HttpRequest request = get(server.url() + "/path?a=1%2B");
  request.method = "PATCH";
  request.body = std::string("x\0y", 3);
  request.headers = {{"Content-Type", "application/json-patch+json"},
                     {"Authorization", "Bearer t"}};
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 429);
  EXPECT_FALSE(answer->ok());
  EXPECT_EQ(answer->header("retry-after"), "7");
  EXPECT_EQ(answer->header("absent"), "");
  EXPECT_EQ(answer->body, "slowly");
  EXPECT_EQ(asked.method, "PATCH");
  EXPECT_EQ(asked.path, "/path");
  EXPECT_EQ(asked.params["a"], "1+");
  EXPECT_EQ(asked.body, std::string("x\0y", 3));
  EXPECT_EQ(asked.headers["content-type"], "application/json-patch+json");
  EXPECT_EQ(asked.headers["authorization"], "Bearer t");
}

TEST(HttpClient, SaysWhatIsWrongWithoutTheSecretPath) {
  HttpClient client;
  // Port 1 of this host: nobody listens there.
  const auto refused = client.send(get("http://user:word@127.0.0.1:1/secret/path"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("GET http://127.0.0.1:1: "),
                                             Not(HasSubstr("secret")), Not(HasSubstr("word"))));
  for (const char* url : {"ftp://127.0.0.1/", "http://", "http://[::1"}) {
    const auto malformed = client.send(get(url));
    ASSERT_FALSE(malformed) << url;
    EXPECT_EQ(malformed.error().kind, ErrorKind::invalid)
        << url << " " << malformed.error().message;
  }
}

TEST(HttpClient, GivesUpAfterTheTimeout) {
  ScriptedServer server([](const Asked&) {
    Answer silent;
    silent.stays_open = true;
    return silent;
  });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.timeout = std::chrono::milliseconds{50};
  const auto answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
}

TEST(HttpClient, KnowsALostAnswer) {
  ScriptedServer server([](const Asked&) {
    Answer lost;
    lost.lost = true;
    return lost;
  });
  HttpClient client;
  const auto answer = client.send(get(server.url()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
}

TEST(HttpClient, BoundsTheBody) {
  ScriptedServer server([](const Asked&) { return Answer{200, std::string(1001, 'x')}; });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.max_body = 1001;
  EXPECT_TRUE(client.send(request));
  request.max_body = 1000;
  const auto answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
  EXPECT_THAT(answer.error().message, HasSubstr("1000 bytes"));
}

TEST(HttpClient, RunsManyRequestsAtOnce) {
  ScriptedServer server([](const Asked& asked) { return Answer{200, asked.path}; });
  Arrivals<std::string> bodies;
  HttpClient client;
  constexpr int count = 60;
  for (int i = 0; i < count; ++i) {
    client.start(get(server.url() + "/" + std::to_string(i)), [&](Result<HttpResponse> answer) {
      bodies.add(answer ? answer->body : answer.error().message);
    });
  }
  std::set<std::string> seen;
  for (int i = 0; i < count; ++i) seen.insert(bodies.next());
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(seen.contains("/59"));
}

TEST(HttpClient, StreamsPieces) {
  ScriptedServer server([](const Asked&) {
    Answer answer;
    answer.pieces = {"one ", "two"};
    return answer;
  });
  Arrivals<Result<HttpResponse>> ends;
  HttpClient client;
  std::string text;
  int openings = 0;
  client.stream(
      get(server.url()), std::chrono::seconds{10},
      [&](std::string_view piece) {
        openings += piece.empty() ? 1 : 0;
        text += piece;
        return true;
      },
      [&](Result<HttpResponse> answer) { ends.add(std::move(answer)); });
  const auto end = ends.next();
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 200);
  EXPECT_EQ(end->body, "");
  EXPECT_EQ(text, "one two");
  EXPECT_EQ(openings, 1);
}

TEST(HttpClient, AStreamThatIsRefusedHasABody) {
  ScriptedServer server([](const Asked&) { return Answer{410, "too old"}; });
  Arrivals<Result<HttpResponse>> ends;
  HttpClient client;
  std::atomic<int> pieces{0};
  client.stream(
      get(server.url()), std::chrono::seconds{10}, [&](std::string_view) { return ++pieces, true; },
      [&](Result<HttpResponse> answer) { ends.add(std::move(answer)); });
  const auto end = ends.next();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 410);
  EXPECT_EQ(end->body, "too old");
  EXPECT_EQ(pieces, 0);
}

TEST(HttpClient, EndsAStreamThatItsReaderNoLongerWantsOrThatIsSilent) {
  ScriptedServer server([](const Asked&) {
    Answer answer;
    answer.pieces = {"data"};
    answer.stays_open = true;
    return answer;
  });
  Arrivals<Result<HttpResponse>> ends;
  HttpClient client;
  const auto on_end = [&](Result<HttpResponse> answer) { ends.add(std::move(answer)); };
  client.stream(
      get(server.url()), std::chrono::seconds{10},
      [](std::string_view piece) { return piece.empty(); }, on_end);
  const auto unwanted = ends.next();
  ASSERT_FALSE(unwanted);
  EXPECT_THAT(unwanted.error().message, HasSubstr("reader"));

  client.stream(
      get(server.url()), std::chrono::seconds{1}, [](std::string_view) { return true; }, on_end);
  const auto silent = ends.next();
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, ErrorKind::unavailable);

  const auto id = client.stream(
      get(server.url()), std::chrono::seconds{10}, [](std::string_view) { return true; }, on_end);
  client.cancel(id);
  client.cancel(id);
  const auto cancelled = ends.next();
  ASSERT_FALSE(cancelled);
  EXPECT_THAT(cancelled.error().message, HasSubstr("cancelled"));
}

TEST(HttpClient, StoppingAnswersEverythingOnce) {
  ScriptedServer server([](const Asked&) {
    Answer silent;
    silent.stays_open = true;
    return silent;
  });
  HttpClient client;
  std::atomic<int> answered{0};
  std::atomic<int> again{0};
  for (int i = 0; i < 10; ++i) {
    client.start(get(server.url()), [&](const Result<HttpResponse>& answer) {
      EXPECT_FALSE(answer);
      ++answered;
      // Also what is started while stopping is answered.
      client.start(get("http://127.0.0.1:1"), [&](const Result<HttpResponse>& late) {
        EXPECT_FALSE(late);
        ++again;
      });
    });
  }
  bool dropped = true;
  client.run_after(std::chrono::hours{1}, [&] { dropped = false; });
  client.stop();
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(again, 10);
  EXPECT_TRUE(dropped);
  EXPECT_FALSE(client.send(get(server.url())));
  client.stop();
}

TEST(HttpClient, RunsTimersInOrderOnItsThread) {
  HttpClient client;
  std::vector<int> order;
  std::promise<void> last;
  // Long enough that the other one is set before it is due, also on a busy machine.
  client.run_after(std::chrono::seconds{1}, [&] {
    order.push_back(2);
    client.run_after(std::chrono::milliseconds{0}, [&] {
      order.push_back(3);
      const auto waiting = client.send(get("http://127.0.0.1:1"));
      EXPECT_EQ(waiting.error().kind, ErrorKind::fatal);
      last.set_value();
    });
  });
  client.run_after(std::chrono::milliseconds{0}, [&] { order.push_back(1); });
  ASSERT_EQ(last.get_future().wait_for(test::patience), std::future_status::ready);
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

// Certificates made for the occasion: a server's and a client's, each its own authority.
class HttpClientTls : public ::testing::Test {
 protected:
  HttpClientTls() {
    std::string pattern = (std::filesystem::temp_directory_path() / "oppen-tls-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    make("server");
    make("client");
  }
  ~HttpClientTls() override { std::filesystem::remove_all(folder); }

  void make(const std::string& name) const {
    const std::string base = (folder / name).string();
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "
        "/CN=" +
        name + " -addext subjectAltName=IP:127.0.0.1 -keyout " + base + ".key -out " + base +
        ".pem 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  }
  test::ServerTls server_tls(const std::string& client_ca) const {
    return {folder / "server.pem", folder / "server.key",
            client_ca.empty() ? "" : folder / client_ca};
  }
  HttpRequest request(const ScriptedServer& server, HttpTls tls) const {
    HttpRequest request = get(server.url());
    request.tls = std::make_shared<const HttpTls>(std::move(tls));
    return request;
  }

  std::filesystem::path folder;
};

TEST_F(HttpClientTls, TrustsOnlyTheAuthorityItWasGiven) {
  ScriptedServer server([](const Asked&) { return Answer{200, "hello"}; }, server_tls(""));
  HttpClient client;
  HttpTls tls;
  tls.ca = read("server.pem");
  const auto trusted = client.send(request(server, tls));
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->body, "hello");

  tls.ca = read("client.pem");
  const auto stranger = client.send(request(server, tls));
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(client.send(get(server.url())));

  tls.insecure = true;
  EXPECT_TRUE(client.send(request(server, tls)));
}

TEST_F(HttpClientTls, DoesNotWaitBehindAStreamWhereThereIsNoHttp2) {
  ScriptedServer server(
      [](const Asked& asked) {
        Answer answer{200, "hello"};
        answer.stays_open = asked.path == "/stream";
        return answer;
      },
      server_tls(""));
  HttpClient client;
  HttpTls tls;
  tls.ca = read("server.pem");
  HttpRequest stream = request(server, tls);
  stream.url += "/stream";
  client.stream(
      stream, std::chrono::seconds{20}, [](std::string_view) { return true; }, [](const auto&) {});
  const auto beside = client.send(request(server, tls));
  ASSERT_TRUE(beside) << beside.error().message;
  EXPECT_EQ(beside->body, "hello");
}

TEST_F(HttpClientTls, ShowsItsCertificate) {
  ScriptedServer server(
      [](const Asked&) {
        return Answer{200, "hello"};
      },
      server_tls("client.pem"));
  HttpClient client;
  HttpTls tls;
  tls.ca = read("server.pem");
  EXPECT_FALSE(client.send(request(server, tls)));
  tls.certificate = read("client.pem");
  tls.key = read("client.key");
  const auto known = client.send(request(server, tls));
  ASSERT_TRUE(known) << known.error().message;
  tls.key = "no key";
  const auto broken = client.send(request(server, tls));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::invalid) << broken.error().message;
}

}  // namespace
}  // namespace oppen::runtime
