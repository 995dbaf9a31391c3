#pragma once
// How an instance takes a partition over: it claims it in Redis, loads what is open there, and reads from the topic `costs` what
// has been published since, of which Redis may know nothing: all of it when Redis is empty. How far it has come is stored with what it
// has read, so that whoever takes over from one that died goes on from there. Only then does it go on. One thread.
#include <functional>
#include <memory>

#include "workers/cost/store/ledger_store.hpp"
#include "workers/cost/worker/first_record.hpp"
#include "workers/cost/worker/measuring.hpp"
#include "workers/cost/worker/publisher.hpp"

namespace oppen::cost {

// A partition that is this instance's.
struct Partition {
  Claim claim;
  Ledger ledger;
  std::int64_t next = 0;  // offset of job-events that is handled next
  Time told{};            // up to when what has been handled tells, by its records' times
  bool moved = false;     // next is not stored yet
  std::int64_t runs = 0;  // offset of runs that is handled next
  bool runs_moved = false;
  Measuring measuring = {};
  std::optional<std::int64_t> costs =
      {};  // what was published last is on the bus up to here, which is not stored yet
  std::map<std::string, FirstRecord, std::less<>> first = {};  // by topic
};

// In the log of a partition.
struct Place {
  std::int64_t next = 0;
  std::int64_t end = 0;  // of the log, as it was then
};

class Takeover {
 public:
  // `store`, `publisher` and `rates` must outlive this. Errors: invalid (a property librdkafka refuses).
  static Result<std::unique_ptr<Takeover>> create(const client::KafkaSettings& kafka,
                                                  LedgerStore& store, Publisher& publisher,
                                                  const pricing::RateHistory& rates);

  // How many partitions job-events has. Errors: fatal when costs, runs or telemetry has another number, or Redis holds another Kafka's ledger;
  // unavailable.
  Result<int> check();
  // `go_on` as of Publisher. Errors: unavailable; fenced; fatal (Redis and the log do not belong together, or something in it is
  // broken).
  Result<std::unique_ptr<Partition>> take(int number, const std::function<bool()>& go_on);

 private:
  Takeover(std::unique_ptr<client::Consumer> consumer, LedgerStore& store, Publisher& publisher,
           const pricing::RateHistory& rates)
      : consumer_(std::move(consumer)), store_(store), publisher_(publisher), rates_(rates) {}
  Result<Place> place(std::string_view topic, int number, std::optional<std::int64_t> next);
  Result<Place> telemetry_place(const Claim& claim);
  Result<std::int64_t> recall(Partition& partition, std::vector<Charge>& unpublished,
                              const std::function<bool()>& go_on);

  std::unique_ptr<client::Consumer> consumer_;
  LedgerStore& store_;
  Publisher& publisher_;
  const pricing::RateHistory& rates_;
};

// Stores what has changed of the partition, and what `change` has besides, and forgets what is settled. Errors: of
// LedgerStore::commit.
Status store_changes(LedgerStore& store, Partition& partition, Change change = {});

// Loads those of these jobs that are stored as settled, so that nothing of them is taken for new.
Status load_settled(LedgerStore& store, Ledger& ledger, std::vector<std::string> job_ids);

}  // namespace oppen::cost
