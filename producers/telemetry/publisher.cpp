#include "producers/telemetry/publisher.hpp"

#include <spdlog/spdlog.h>

#include <cstring>
#include <utility>

#include "schemas/topics.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_in_flight =
    2'000;  // more would fall out of the processor's caches meanwhile, and cost twice the CPU
constexpr auto after_trouble = 1s;
constexpr auto look_for_broker = 250ms;
constexpr auto at_the_end = 5s;

void put_text(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

// nullopt at the end, or where it is cut short.
std::optional<std::string> take_text(std::string_view& bytes) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (bytes.size() < size) return std::nullopt;
  std::string text(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return text;
}

std::string to_bytes(const KafkaRecord& record) {
  std::string bytes;
  put_text(bytes, record.key);
  put_text(bytes, record.value.value_or(""));
  for (const auto& [name, value] : record.headers) {
    put_text(bytes, name);
    put_text(bytes, value);
  }
  return bytes;
}

std::optional<KafkaRecord> from_bytes(std::string_view bytes) {
  auto key = take_text(bytes);
  auto value = take_text(bytes);
  if (!key || !value) return std::nullopt;
  KafkaRecord record{std::move(*key), std::move(*value), {}};
  while (!bytes.empty()) {
    auto name = take_text(bytes);
    auto header = take_text(bytes);
    if (!name || !header) return std::nullopt;
    record.headers.emplace_back(std::move(*name), std::move(*header));
  }
  return record;
}

}  // namespace

Publisher::Publisher(std::unique_ptr<DiskBuffer> buffer, std::unique_ptr<client::Producer> producer)
    : buffer_(std::move(buffer)), cursor_(buffer_->first()), producer_(std::move(producer)) {}

Result<std::unique_ptr<Publisher>> Publisher::start(const client::KafkaSettings& kafka,
                                                    const std::string& buffer_dir,
                                                    std::uint64_t buffer_bytes) {
  auto buffer = DiskBuffer::open(buffer_dir, buffer_bytes);
  if (!buffer) return fail(buffer.error());
  // Nobody waits for a sample: few large requests are cheaper than many small ones.
  auto patient = kafka;
  patient.properties.emplace("linger.ms", "20");
  auto producer = client::Producer::create(patient, {std::string(topics::telemetry)});
  if (!producer) return fail(producer.error());
  if (const auto waiting = (*buffer)->waiting(); waiting > 0)
    SPDLOG_INFO("{} records from before are waiting in {}", waiting, buffer_dir);
  std::unique_ptr<Publisher> publisher(new Publisher(std::move(*buffer), std::move(*producer)));
  publisher->thread_ =
      std::jthread([self = publisher.get()](const std::stop_token& stop) { self->run(stop); });
  return publisher;
}

Publisher::~Publisher() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_the_end, [this] {
      return (buffer_->waiting() == 0 && unreported_ == 0) || failed_ || !producer_->connected();
    });
  }
  thread_.request_stop();
  changed_.notify_all();
  thread_.join();
  producer_->give_up();
  producer_.reset();  // reports the rest
}

Status Publisher::publish(const std::vector<KafkaRecord>& records) {
  std::vector<std::string> entries;
  entries.reserve(records.size());
  for (const auto& record : records) entries.push_back(to_bytes(record));
  auto status = Status{};
  {
    const std::lock_guard lock(mutex_);
    status = buffer_->append(entries);
  }
  changed_.notify_all();
  return status;
}

Status Publisher::status() const {
  {
    const std::lock_guard lock(mutex_);
    if (trouble_) return fail(*trouble_);
  }
  if (!producer_->connected())
    return fail(ErrorKind::unavailable, "Kafka does not answer: samples wait in the buffer");
  return {};
}

std::uint64_t Publisher::waiting() const {
  const std::lock_guard lock(mutex_);
  return buffer_->waiting();
}

std::uint64_t Publisher::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  return buffer_->bytes();
}

std::uint64_t Publisher::dropped() const {
  const std::lock_guard lock(mutex_);
  return buffer_->dropped() + refused_;
}

void Publisher::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (failed_) {
      begin_again(lock);
      changed_.wait_for(lock, stop, after_trouble, [] { return false; });
    } else if (!producer_->connected()) {
      // What is in flight arrives by itself or times out. No event says that a broker is back.
      changed_.wait_for(lock, stop, look_for_broker, [] { return false; });
    } else if (in_flight_.size() >= most_in_flight) {
      changed_.wait(lock, stop, [this] { return failed_ || in_flight_.size() < most_in_flight; });
    } else if (!send_next(lock)) {
      // Woken by what is published, acknowledged or refused.
      changed_.wait_for(lock, stop, after_trouble,
                        [this] { return failed_ || buffer_->read(cursor_); });
    }
  }
}

bool Publisher::send_next(std::unique_lock<std::mutex>& lock) {
  auto entry = buffer_->read(cursor_);
  if (!entry) return false;
  const auto record = from_bytes(entry->bytes);
  const auto number = first_in_flight_ + in_flight_.size();
  in_flight_.push_back({entry->next, !record});
  cursor_ = entry->next;
  if (!record) {
    ++refused_;
    SPDLOG_ERROR("a record of the buffer can't be read: it is left out");
    settle();
    return true;
  }
  ++unreported_;
  // The producer may report at once, on its own thread.
  lock.unlock();
  const auto sent = producer_->send(
      topics::telemetry, *record,
      [this, number](const Result<client::Delivery>& delivery) { on_delivery(number, delivery); });
  if (!sent) on_delivery(number, fail(sent.error()));
  lock.lock();
  return true;
}

void Publisher::on_delivery(std::uint64_t number, const Result<client::Delivery>& delivery) {
  const std::lock_guard lock(mutex_);
  --unreported_;
  auto& entry = in_flight_[number - first_in_flight_];
  if (delivery) {
    trouble_.reset();
    ++acknowledged_;
    entry.done = true;
  } else if (delivery.error().kind == ErrorKind::invalid) {
    ++refused_;
    SPDLOG_ERROR("a sample is refused for good: {}", delivery.error().message);
    entry.done = true;
  } else {
    trouble_ = delivery.error();
    failed_ = true;
  }
  settle();
  if (failed_ || unreported_ == 0 || in_flight_.size() + 1 >= most_in_flight) changed_.notify_all();
}

void Publisher::settle() {
  std::optional<DiskBuffer::Position> done;
  while (!in_flight_.empty() && in_flight_.front().done) {
    done = in_flight_.front().next;
    in_flight_.pop_front();
    ++first_in_flight_;
  }
  if (done) buffer_->acknowledge(*done);
}

void Publisher::begin_again(std::unique_lock<std::mutex>& lock) {
  producer_->give_up();
  changed_.wait(lock, [this] { return unreported_ == 0; });
  first_in_flight_ += in_flight_.size();
  in_flight_.clear();
  cursor_ = buffer_->first();
  failed_ = false;
}

}  // namespace oppen::telemetry
