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

// Of send_when_there_is_room. What librdkafka keeps of a record is a dozen small pieces of memory: of more records than these they fall out
// of the processor's caches before the broker's thread and the report come to them, and a record then takes more CPU. A sender that has found
// no room goes on when half of them are acknowledged: if it sent one for each acknowledged, each request to the broker would have few records,
// and a request costs the broker far more than a record does.
constexpr std::int64_t most_under_way = 2'000;
constexpr std::int64_t few_under_way = most_under_way / 2;
constexpr std::int64_t most_untold = 10'000;  // with those that are reported: `done` may be slow
constexpr std::ptrdiff_t many_reports = 500;
constexpr auto a_while = 10ms;

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
  rd_kafka_queue_t* queue = nullptr;  // of reports and librdkafka's own events

  std::mutex topics_mutex;
  std::map<std::string, TopicHandle, std::less<>> topics;

  std::atomic<std::int64_t> untold{0};   // records: their `done` is not over yet
  std::atomic<std::int64_t> to_tell{0};  // of these: their report is taken
  std::atomic<std::int64_t> rounds{0};   // of taking some: each makes room
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

  std::mutex mutex;                 // for what follows, and for waiting on the above
  std::condition_variable changed;  // told, or connected
  std::condition_variable reported;
  // Reports are taken from librdkafka by the poller, or by a sender that waits for room: librdkafka frees a record on the thread that takes its
  // report, and what another thread has freed costs the sender much to have again. The poller tells of them all, in the order in which
  // they were taken; while senders take them it is woken for many of them only.
  bool taking = false;                       // one thread
  std::vector<Report> taken;                 // that thread's, without the mutex
  std::vector<Report> reports;               // not told of yet
  SteadyClock::time_point sender_took_at{};  // {}: the poller is to take them
  int waiting_senders = 0;
  std::vector<Report> telling;  // the poller's own
  std::jthread poller;

  void take(const rd_kafka_message_t& message) {
    const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(message._private));
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      now_connected();
      taken.push_back({std::move(ticket->done), Delivery{message.partition, message.offset}});
    } else {
      taken.push_back({std::move(ticket->done),
                       fail(kafka_error(message.err, std::string("topic ") +
                                                         rd_kafka_topic_name(message.rkt)))});
    }
  }

  void take_events(std::chrono::milliseconds patience) {
    auto* event = rd_kafka_queue_poll(queue, to_millis(patience));
    while (event != nullptr) {
      while (const auto* message = rd_kafka_event_message_next(event)) take(*message);
      // Who takes events is told of errors by them alone. Of a fatal one the event has the reason's code.
      if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        events.take(rd_kafka_event_error_is_fatal(event) != 0 ? RD_KAFKA_RESP_ERR__FATAL
                                                              : rd_kafka_event_error(event),
                    rd_kafka_event_error_string(event));
      rd_kafka_event_destroy(event);
      event = std::ssize(taken) < many_reports ? rd_kafka_queue_poll(queue, 0) : nullptr;
    }
  }

  // While nobody takes any. Waits until there are some, for `patience` at most; without the lock.
  void take_reports(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience) {
    taking = true;
    lock.unlock();
    take_events(patience);
    lock.lock();
    taking = false;
    to_tell += std::ssize(taken);
    if (!taken.empty()) ++rounds;  // after it: whoever sees the round sees the room
    if (reports.empty()) {
      reports.swap(taken);
    } else {
      std::move(taken.begin(), taken.end(), std::back_inserter(reports));
      taken.clear();
    }
    if (waiting_senders > 0 || poller_has_to_do()) reported.notify_all();
  }

  bool poller_has_to_do() const {
    return std::ssize(reports) >= many_reports ||
           (!taking && sender_took_at == SteadyClock::time_point{});
  }

  // By the poller: tells of what is reported, after a while of nothing. What senders have just begun to take is left to them.
  void tell(std::chrono::milliseconds patience) {
    {
      std::unique_lock lock(mutex);
      if (!taking && reports.empty() && SteadyClock::now() - sender_took_at >= a_while) {
        take_reports(lock, patience);
      } else {
        reported.wait_for(lock, a_while, [this] { return poller_has_to_do(); });
      }
      telling.swap(reports);
    }
    if (telling.empty()) return;
    const auto records = std::ssize(telling);
    for (const auto& [done, delivery] : telling) done(delivery);
    telling.clear();  // the callbacks' ends, too, before flush returns
    to_tell -= records;
    finished(records);
  }

  void finished(std::int64_t records) {
    untold -= records;
    const std::lock_guard lock(mutex);
    changed.notify_all();
  }

  bool has_room() const {
    const auto all = untold.load();
    return all - to_tell < most_under_way && all < most_untold;
  }

  // Takes reports unless somebody has since `round`, or waits until more have been told of; until the moment at most.
  void make_room(std::int64_t round, SteadyClock::time_point until) {
    std::unique_lock lock(mutex);
    if (untold >= most_untold) {
      changed.wait_until(lock, until, [this] { return untold < most_untold; });
      return;
    }
    sender_took_at = SteadyClock::now();
    ++waiting_senders;
    reported.wait_until(lock, until, [&] { return !taking || rounds != round; });
    --waiting_senders;
    if (rounds != round) return;
    while (!taking) {
      take_reports(lock, a_while);
      if (untold - to_tell <= few_under_way || SteadyClock::now() >= until) return;
    }
  }

  void leave_taking_to_poller() {
    const std::lock_guard lock(mutex);
    sender_took_at = {};
    reported.notify_all();
  }

  Status no_room(std::string_view topic_name) const {
    return fail(ErrorKind::unavailable,
                "topic " + prefix + std::string(topic_name) +
                    ": there is no room for the record: " + std::to_string(untold) +
                    " before it are not acknowledged");
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
    auto next_look = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      if (events.all_brokers_down.exchange(false)) connected = false;
      // No event says that a broker is back; while none is known to be, ask. This looks up the
      // topics, too.
      if (!connected && std::chrono::steady_clock::now() >= next_look) {
        if (broker_answers(kafka, std::chrono::milliseconds{200})) now_connected();
        next_look = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
      }
      tell(100ms);
    }
    // What was given up last.
    leave_taking_to_poller();
    for (std::int64_t before = -1; untold != before;) {
      before = untold;
      tell(0ms);
    }
  }
};

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Producer>> Producer::create(const KafkaSettings& settings,
                                                   const std::vector<std::string>& topics) {
  auto impl = std::make_unique<Impl>(settings);
  const auto kafka = open_kafka(RD_KAFKA_PRODUCER, settings, producer_defaults, impl->events);
  if (!kafka) return fail(kafka.error());
  impl->kafka = *kafka;
  impl->queue = rd_kafka_queue_get_main(*kafka);
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
  rd_kafka_queue_yield(impl_->queue);  // ends the poll that the thread is in
  impl_->poller.join();
  impl_->topics.clear();
  rd_kafka_queue_destroy(impl_->queue);
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

  ++untold;
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
  const auto give_up_at = SteadyClock::now() + deadline;
  auto ticket = std::make_unique<Impl::Ticket>(*impl_, std::move(done));
  const bool on_poller = std::this_thread::get_id() == impl_->poller.get_id();
  for (;;) {
    const auto round = impl_->rounds.load();
    Status sent;
    // Who tells of reports can't wait for the room that this makes.
    if (on_poller || impl_->has_room()) {
      sent = impl_->produce(topic, record.key, record.value, record.headers, -1, ticket);
      if (sent || sent.error().kind != ErrorKind::unavailable || on_poller) return sent;
    }
    if (SteadyClock::now() >= give_up_at) return sent ? impl_->no_room(topic) : sent;
    impl_->make_room(round, give_up_at);
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
  // While it is waited for, records leave as soon as they can, however long others would lie: from time to time, for others may come.
  auto pause = 0ms;
  const auto is_answered = [&] {
    return future.wait_until(std::min(give_up_at, SteadyClock::now() + pause)) ==
           std::future_status::ready;
  };
  for (; !is_answered() && SteadyClock::now() < give_up_at; pause = std::min(2 * pause + 1ms, 50ms))
    rd_kafka_flush(impl_->kafka, 1);
  if (future.wait_for(0ms) != std::future_status::ready) {
    return fail(ErrorKind::unavailable, "topic " + impl_->prefix + std::string(topic) +
                                            ": the broker has not acknowledged within " +
                                            std::to_string(deadline.count()) +
                                            " ms (are the brokers of OPPEN_KAFKA_BROKERS up?)");
  }
  return future.get();
}

Status Producer::flush(std::chrono::milliseconds deadline) {
  const auto until = SteadyClock::now() + deadline;
  impl_->leave_taking_to_poller();
  rd_kafka_flush(impl_->kafka, to_millis(deadline));
  std::unique_lock lock(impl_->mutex);
  if (impl_->changed.wait_until(lock, until, [this] { return impl_->untold == 0; })) return {};
  return fail(ErrorKind::unavailable, std::to_string(impl_->untold) +
                                          " records are not acknowledged after " +
                                          std::to_string(deadline.count()) + " ms");
}

void Producer::give_up() {
  rd_kafka_purge(impl_->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

bool Producer::connected() const { return impl_->connected; }

}  // namespace oppen::client
