#include "tests/component/http/scripted_server.hpp"

#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "tests/support/httplib_statics.hpp"

namespace oppen::test {
namespace {

constexpr std::size_t server_threads = 32;  // a watch holds one

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::unique_ptr<httplib::Server> make_server(const std::optional<ServerTls>& tls) {
  if (!tls) return std::make_unique<httplib::Server>();
  const char* client_ca = tls->client_ca_file.empty() ? nullptr : tls->client_ca_file.c_str();
  return std::make_unique<httplib::SSLServer>(tls->certificate_file.c_str(), tls->key_file.c_str(),
                                              client_ca);
}

}  // namespace

struct ScriptedServer::Impl {
  std::function<Answer(const Asked&)> handler;
  std::mutex handling;
  std::string scheme;
  std::unique_ptr<httplib::Server> server;
  int port = 0;
  int socket = -1;
  std::mutex mutex;
  std::condition_variable changed;
  int generation = 0;  // of open streams
  bool closing = false;
  std::thread thread;

  void handle(const httplib::Request& request, httplib::Response& response) {
    Asked asked{request.method, request.path, {}, {}, request.body};
    for (const auto& [name, value] : request.params) asked.params[name] = value;
    for (const auto& [name, value] : request.headers) asked.headers[lower(name)] = value;
    Answer answer;
    {
      const std::lock_guard lock(handling);
      answer = handler(asked);
    }
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (answer.lost) {
      response.set_content_provider(1000, "application/json",
                                    [](std::size_t, std::size_t, httplib::DataSink& sink) {
                                      sink.write("{", 1);
                                      return false;
                                    });
    } else if (!answer.pieces.empty() || answer.stays_open) {
      stream(std::move(answer), response);
    } else {
      response.set_content(answer.body, "application/json");
    }
  }

  void stream(Answer answer, httplib::Response& response) {
    int mine = 0;
    {
      const std::lock_guard lock(mutex);
      mine = generation;
    }
    response.set_chunked_content_provider(
        "application/json",
        [this, mine, answer = std::move(answer)](std::size_t, httplib::DataSink& sink) {
          for (const std::string& piece : answer.pieces) sink.write(piece.data(), piece.size());
          if (answer.stays_open) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [this, mine] { return closing || generation != mine; });
            return false;
          }
          sink.done();
          return true;
        });
  }
};

ScriptedServer::ScriptedServer(std::function<Answer(const Asked&)> handler,
                               const std::optional<ServerTls>& tls)
    : impl_(std::make_unique<Impl>()) {
  impl_->handler = std::move(handler);
  impl_->scheme = tls ? "https" : "http";
  impl_->server = make_server(tls);
  impl_->server->new_task_queue = [] { return new httplib::ThreadPool(server_threads); };
  impl_->server->set_keep_alive_max_count(1);  // an idle connection would hold a thread
  impl_->server->set_tcp_nodelay(true);
  const auto handle = [impl = impl_.get()](const httplib::Request& request,
                                           httplib::Response& response) {
    impl->handle(request, response);
  };
  impl_->server->Get(".*", handle);
  impl_->server->Post(".*", handle);
  impl_->server->Patch(".*", handle);
  impl_->server->Delete(".*", handle);
  impl_->server->set_socket_options([impl = impl_.get()](int socket) {
    httplib::default_socket_options(socket);
    impl->socket = socket;
  });
  impl_->port = impl_->server->bind_to_any_port("127.0.0.1");
  // The library lets five connections wait to be accepted; on a busy machine the others would have to knock again.
  listen(impl_->socket, SOMAXCONN);
  impl_->thread = std::thread([impl = impl_.get()] { impl->server->listen_after_bind(); });
  while (!impl_->server->is_running()) std::this_thread::yield();  // stop() has no effect before
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->changed.notify_all();
  impl_->server->stop();
  impl_->thread.join();
}

std::string ScriptedServer::url() const {
  return impl_->scheme + "://127.0.0.1:" + std::to_string(impl_->port);
}

void ScriptedServer::end_streams() {
  {
    const std::lock_guard lock(impl_->mutex);
    ++impl_->generation;
  }
  impl_->changed.notify_all();
}

}  // namespace oppen::test
