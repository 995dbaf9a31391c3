#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

const KafkaProperties producer_defaults = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"compression.codec", "lz4"},
    {"linger.ms", "1"},
    {"partitioner", "murmur2_random"},
    {"message.max.bytes", "4000000"},  // the broker decides per topic
    {"queue.buffering.max.kbytes", "32768"},
    {"message.timeout.ms", "60000"},
};

// Of records on their way. More of them fall out of the processor's caches before the broker's thread and the report come to them, and a
// record then takes twice the CPU; fewer would not fill the way to a broker that is some milliseconds away.
constexpr std::int64_t most_in_flight = 1'000;
constexpr auto leave_to_senders = 10ms;  // since one of them has taken reports

rd_kafka_vu_t option(rd_kafka_vtype_t type) {
  rd_kafka_vu_t value{};
  value.vtype = type;
  return value;
}

// librdkafka copies what these point at but takes them as mutable.
void* as_mutable(const char* data) { return const_cast<char*>(data); }

const char* c_text(const std::string& text) { return text.c_str(); }
const char* c_text(const char* text) { return text; }

}  // namespace

struct Producer::Impl {
  explicit Impl(const KafkaSettings& settings) : events(settings), prefix(settings.topic_prefix) {}

  KafkaEvents events;
  std::string prefix;
  rd_kafka_t* kafka = nullptr;

  std::mutex topics_mutex;
  std::map<std::string, TopicHandle, std::less<>> topics;

  std::mutex mutex;  // for waiting on what follows
  std::condition_variable changed;
  std::atomic<std::int64_t> in_flight{0};
  std::atomic<bool> connected{false};
  // One record's way back.
  struct Ticket {
    Impl& impl;
    OnDelivery done;
  };
  struct Report {
    OnDelivery done;
    Result<Delivery> delivery;
  };

  // Reports are taken from librdkafka by the poller or by a sender that waits for room: librdkafka frees a record on the thread that takes
  // its report, and what another thread frees costs the sender much to have again. The poller tells of them all.
  std::mutex taking;
  std::atomic<SteadyClock::time_point> asked_at{};  // a sender would take them
  std::mutex reports_mutex;                         // for what follows
  std::condition_variable reported;
  std::vector<Report> reports;  // that senders took
  static thread_local std::vector<Report>* taking_into;
  std::jthread poller;

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(message->_private));
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ticket->impl.now_connected();
      taking_into->push_back(
          {std::move(ticket->done), Delivery{message->partition, message->offset}});
    } else {
      taking_into->push_back(
          {std::move(ticket->done),
           fail(kafka_error(message->err,
                            std::string("topic ") + rd_kafka_topic_name(message->rkt)))});
    }
  }

  // Holding `taking`.
  void take_reports(std::vector<Report>& into, std::chrono::milliseconds patience) {
    taking_into = &into;
    rd_kafka_poll(kafka, static_cast<int>(patience.count()));
    taking_into = nullptr;
  }

  // By a sender that waits for room.
  void make_room() {
    thread_local std::vector<Report> some;
    asked_at = SteadyClock::now();
    const std::lock_guard lock(taking);
    take_reports(some, 1ms);
    if (some.empty()) return;
    const std::lock_guard reports_lock(reports_mutex);
    std::move(some.begin(), some.end(), std::back_inserter(reports));
    some.clear();
    reported.notify_one();
  }

  bool none_reported() {
    const std::lock_guard lock(reports_mutex);
    return reports.empty();
  }

  // On the poller's thread: reports to be told; after a while none.
  void wait_for_reports(std::vector<Report>& into) {
    if (SteadyClock::now() - asked_at.load() > leave_to_senders) {
      const std::lock_guard lock(taking);
      if (none_reported()) take_reports(into, 100ms);  // else those come first
    }
    std::unique_lock lock(reports_mutex);
    if (into.empty())
      reported.wait_for(lock, leave_to_senders, [this] { return !reports.empty(); });
    std::move(reports.begin(), reports.end(), std::back_inserter(into));
    reports.clear();
  }

  // Once for many records: it is read and written by the senders, too.
  void finished(std::int64_t records) {
    if (records == 0 || in_flight.fetch_sub(records) > records) return;
    const std::lock_guard lock(mutex);
    changed.notify_all();
  }

  void now_connected() {
    if (connected || connected.exchange(true)) return;
    const std::lock_guard lock(mutex);
    changed.notify_all();
  }

  bool wait_until_connected(std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, deadline, [this] { return connected.load(); });
  }

  rd_kafka_topic_t* topic(std::string_view name) {
    const std::lock_guard lock(topics_mutex);
    const auto found = topics.find(name);
    if (found != topics.end()) return found->second.get();
    TopicHandle handle(rd_kafka_topic_new(kafka, (prefix + std::string(name)).c_str(), nullptr));
    return topics.emplace(std::string(name), std::move(handle)).first->second.get();
  }

  // Takes the ticket when it returns no error. `headers`: pairs of name and value.
  template <class Headers>
  Status produce(std::string_view name, std::string_view key, std::optional<std::string_view> value,
                 const Headers& headers, int partition, std::unique_ptr<Ticket>& ticket);

  void serve(const std::stop_token& stop) {
    sigset_t all;  // signals are for the program's own threads
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::vector<Report> some;
    auto next_look = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      if (events.all_brokers_down.exchange(false)) connected = false;
      // No event says that a broker is back; while none is known to be, ask. This looks up the
      // topics, too.
      if (!connected && std::chrono::steady_clock::now() >= next_look) {
        if (broker_answers(kafka, std::chrono::milliseconds{200})) now_connected();
        next_look = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
      }
      wait_for_reports(some);
      for (const auto& [done, delivery] : some) done(delivery);
      finished(std::ssize(some));
      some.clear();
    }
  }
};

thread_local std::vector<Producer::Impl::Report>* Producer::Impl::taking_into = nullptr;

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Producer>> Producer::create(const KafkaSettings& settings,
                                                   const std::vector<std::string>& topics) {
  auto impl = std::make_unique<Impl>(settings);
  const auto kafka =
      open_kafka(RD_KAFKA_PRODUCER, settings, producer_defaults, impl->events, Impl::on_delivery);
  if (!kafka) return fail(kafka.error());
  impl->kafka = *kafka;
  for (const auto& name : topics) impl->topic(name);
  impl->poller =
      std::jthread([state = impl.get()](const std::stop_token& stop) { state->serve(stop); });
  return std::unique_ptr<Producer>(new Producer(std::move(impl)));
}

Producer::~Producer() {
  if (!flush(std::chrono::seconds{5})) {
    give_up();  // so that each record's callback is called all the same
    static_cast<void>(flush(std::chrono::seconds{1}));
  }
  impl_->poller.request_stop();
  rd_kafka_queue_t* reports = rd_kafka_queue_get_main(impl_->kafka);
  rd_kafka_queue_yield(reports);  // ends the poll that the thread is in
  rd_kafka_queue_destroy(reports);
  impl_->poller.join();
  impl_->topics.clear();
  rd_kafka_destroy(impl_->kafka);
}

template <class Headers>
Status Producer::Impl::produce(std::string_view name, std::string_view key,
                               std::optional<std::string_view> value, const Headers& headers,
                               int partition, std::unique_ptr<Ticket>& ticket) {
  thread_local std::vector<rd_kafka_vu_t> options;
  options.clear();
  auto add = [](rd_kafka_vtype_t type) -> auto& { return options.emplace_back(option(type)).u; };
  add(RD_KAFKA_VTYPE_RKT).rkt = topic(name);
  add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
  add(RD_KAFKA_VTYPE_PARTITION).i32 = partition < 0 ? RD_KAFKA_PARTITION_UA : partition;
  add(RD_KAFKA_VTYPE_OPAQUE).ptr = ticket.get();
  if (!key.empty()) add(RD_KAFKA_VTYPE_KEY).mem = {as_mutable(key.data()), key.size()};
  if (value) add(RD_KAFKA_VTYPE_VALUE).mem = {as_mutable(value->data()), value->size()};
  for (const auto& [header_name, header_value] : headers) {
    auto& header = add(RD_KAFKA_VTYPE_HEADER).header;
    header.name = c_text(header_name);
    header.val = header_value.data();
    header.size = static_cast<ssize_t>(header_value.size());
  }

  in_flight.fetch_add(1);
  rd_kafka_error_t* error = rd_kafka_produceva(kafka, options.data(), options.size());
  if (error == nullptr) {
    static_cast<void>(ticket.release());  // comes back with the delivery report
    return {};
  }
  finished(1);
  const auto code = rd_kafka_error_code(error);
  const std::string detail = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  return fail(kafka_error(code, "topic " + prefix + std::string(name), detail));
}

Status Producer::send(std::string_view topic, const KafkaRecord& record, OnDelivery done,
                      int partition) {
  auto ticket = std::make_unique<Impl::Ticket>(*impl_, std::move(done));
  return impl_->produce(topic, record.key, record.value, record.headers, partition, ticket);
}

Status Producer::send_when_there_is_room(std::string_view topic, const RecordView& record,
                                         OnDelivery done, std::chrono::milliseconds deadline) {
  const auto give_up_at = std::chrono::steady_clock::now() + deadline;
  auto ticket = std::make_unique<Impl::Ticket>(*impl_, std::move(done));
  const bool on_poller = std::this_thread::get_id() == impl_->poller.get_id();
  for (;;) {
    // Who tells of reports can't wait for the room that this makes.
    if (on_poller || impl_->in_flight < most_in_flight) {
      auto sent = impl_->produce(topic, record.key, record.value, record.headers, -1, ticket);
      if (sent || sent.error().kind != ErrorKind::unavailable || on_poller) return sent;
    }
    if (SteadyClock::now() >= give_up_at) {
      return fail(ErrorKind::unavailable,
                  "topic " + impl_->prefix + std::string(topic) +
                      ": there was no room for the record: " + std::to_string(impl_->in_flight) +
                      " before it are not acknowledged");
    }
    impl_->make_room();
  }
}

Result<Delivery> Producer::send_and_wait(std::string_view topic, const KafkaRecord& record,
                                         std::chrono::milliseconds deadline, int partition) {
  // A record that is sent before the topics have been looked up may lie for a second. No error if
  // they can't be: the record may still find its way within the deadline.
  const auto give_up_at = std::chrono::steady_clock::now() + deadline;
  impl_->wait_until_connected(deadline / 2);
  // Shared: after the deadline the report may still come.
  auto answer = std::make_shared<std::promise<Result<Delivery>>>();
  auto future = answer->get_future();
  const auto sent = send(
      topic, record, [answer](const Result<Delivery>& delivery) { answer->set_value(delivery); },
      partition);
  if (!sent) return fail(sent.error());
  if (future.wait_until(give_up_at) != std::future_status::ready) {
    return fail(ErrorKind::unavailable, "topic " + impl_->prefix + std::string(topic) +
                                            ": the broker has not acknowledged within " +
                                            std::to_string(deadline.count()) +
                                            " ms (are the brokers of OPPEN_KAFKA_BROKERS up?)");
  }
  return future.get();
}

Status Producer::flush(std::chrono::milliseconds deadline) {
  std::unique_lock lock(impl_->mutex);
  if (impl_->changed.wait_for(lock, deadline, [this] { return impl_->in_flight == 0; })) return {};
  return fail(ErrorKind::unavailable, std::to_string(impl_->in_flight) +
                                          " records are not acknowledged after " +
                                          std::to_string(deadline.count()) + " ms");
}

void Producer::give_up() {
  rd_kafka_purge(impl_->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

bool Producer::connected() const { return impl_->connected; }

}  // namespace oppen::client
