#include "bench/client/against_bare.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "bench/client/bare_producer.hpp"
#include "bench/support/cpu_time.hpp"
#include "bench/support/must.hpp"
#include "bench/support/samples.hpp"
#include "schemas/cloud_event.hpp"
#include "workers/runtime/settings.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t of_a_round = 300'000;
constexpr std::size_t read_back = 100'000;
constexpr std::size_t threads_at_once = 4;

struct Rounds {
  Samples per_second;
  Samples cpu_us;  // of one record

  void add(const std::function<void()>& publish_a_round) {
    const auto cpu = cpu_seconds();
    const auto begin = SteadyClock::now();
    publish_a_round();
    const std::chrono::duration<double> took = SteadyClock::now() - begin;
    per_second.add(of_a_round / took.count());
    cpu_us.add((cpu_seconds() - cpu) * 1e6 / of_a_round);
  }
  double rate() const { return per_second.percentile(50); }
};

void acknowledged(const Result<client::Delivery>& delivery) {
  if (!delivery) give_up("publishing", delivery.error().message);
}

// The client numbers its events at the end of their ids.
std::uint64_t number_of(const KafkaRecord& record) {
  for (const auto& [name, value] : record.headers) {
    if (name == "ce_id") return std::stoull(value.substr(value.rfind('-') + 1));
  }
  give_up("reading the client's records back", "one has no ce_id");
}

}  // namespace

struct AgainstBare::Impl {
  Options options;
  std::string topic;
  Publish publish;
  std::unique_ptr<client::Client> client;
  BareProducer bare{options.kafka, topic};

  void publish_by_client(std::size_t count, std::size_t threads) {
    const auto some = [&](std::size_t thread) {
      for (std::size_t i = thread; i < count; i += threads) publish(*client, i, acknowledged);
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t thread = 1; thread < threads; ++thread) others.emplace_back(some, thread);
      some(0);
    }
    must(client->flush(60s), "publishing");
  }

  // What the client puts on the topic, in the order in which it does: read back partition after partition they would be cheaper, since many
  // that follow each other would go to one.
  std::vector<KafkaRecord> records_of_client() {
    const auto doing = "reading the client's records back";
    const auto consumer = must(client::Consumer::create(options.kafka, ""), doing);
    std::map<client::TopicPartition, std::int64_t> from;
    const auto partitions = must(consumer->partition_count(topic, 10s), doing);
    for (int partition = 0; partition < partitions; ++partition) {
      const client::TopicPartition at{topic, partition};
      auto marks = consumer->watermarks(at, 10s);
      // The topics have only just been made: their partitions get their leaders meanwhile.
      for (const auto begin = SteadyClock::now(); !marks && SteadyClock::now() - begin < 30s;) {
        std::this_thread::sleep_for(100ms);
        marks = consumer->watermarks(at, 10s);
      }
      from[at] = must(std::move(marks), doing).high;
    }
    publish_by_client(read_back, 1);
    must(consumer->assign(from), doing);
    std::vector<KafkaRecord> records;
    for (const auto begin = SteadyClock::now(); records.size() < read_back;) {
      if (auto read = must(consumer->poll(500ms), doing))
        records.push_back(std::move(read->record));
      if (SteadyClock::now() - begin > 60s) give_up(doing, "not all came within 60 s");
    }
    std::ranges::sort(records, {}, number_of);
    return records;
  }
};

AgainstBare::AgainstBare(const Options& options, std::string topic, Publish publish)
    : impl_(new Impl{
          options, std::move(topic), std::move(publish),
          must(client::Client::create({options.kafka, "/oppen/bench"}), "connecting to Kafka")}) {}
AgainstBare::~AgainstBare() = default;

double AgainstBare::measure(Report& report) {
  const auto records = impl_->records_of_client();
  std::size_t bytes = 0;
  for (const auto& record : records) {
    bytes += record.key.size() + record.value->size();
    for (const auto& [name, value] : record.headers) bytes += name.size() + value.size();
  }
  impl_->bare.publish(records, read_back);  // a warm-up, as the client has had

  Rounds by_client, by_bare, by_threads;
  for (int round = 0; round < (impl_->options.quick ? 3 : 11); ++round) {
    by_bare.add([&] { impl_->bare.publish(records, of_a_round); });
    by_client.add([&] { impl_->publish_by_client(of_a_round, 1); });
    by_threads.add([&] { impl_->publish_by_client(of_a_round, threads_at_once); });
  }
  report.measured("a record: key, value and headers",
                  static_cast<double>(bytes) / static_cast<double>(records.size()), "bytes");
  report.measured("the client, acknowledged a second", by_client.per_second, "1/s");
  report.measured("the client, from 4 threads", by_threads.per_second, "1/s");
  report.limit("bare producer, acknowledged a second", by_bare.per_second, "1/s");
  report.measured("the client, CPU for a record", by_client.cpu_us, "us");
  report.limit("bare producer, CPU for a record", by_bare.cpu_us, "us");
  return by_client.rate() / by_bare.rate();
}

int run_client_bench(int argc, const char* const* argv, const std::string& purpose,
                     const std::function<void(const AgainstBare::Options&, Report&)>& measure) {
  AgainstBare::Options options;
  std::string results;
  runtime::WorkerSettings common;
  runtime::Settings settings(argv[0], purpose);
  common.declare(settings, "");
  settings.add(options.quick, {.name = "quick", .help = "Fewer rounds."});
  settings.add(results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  options.kafka = must(common.kafka("oppen-bench"), "reading the settings");
  options.kafka.log = {};
  Report report;
  measure(options, report);
  if (!results.empty() && !report.write(results))
    give_up("writing the results", results + " can't be written");
  return 0;
}

}  // namespace oppen::bench
