#pragma once
// What telemetry tells of the attempts of one partition, on its way into the books. It is settled with each charge of an attempt, and
// stored with that; the offset of telemetry is stored more seldom, with all of it: what is read again after a crash has been seen. No
// I/O; one thread.
#include <chrono>
#include <map>
#include <string>

#include "workers/cost/store/ledger_store.hpp"
#include "workers/cost/usage/usage_book.hpp"
#include "workers/cost/worker/read_ahead.hpp"

namespace oppen::cost {

class Measuring {
 public:
  // Attempts with telemetry, of a partition.
  static constexpr std::size_t most = 5'000;

  // Samples after which all is stored though it is not yet time: no more are read again.
  static constexpr std::int64_t most_unstored = 10'000;

  std::int64_t next = 0;  // offset of telemetry that is handled next

  // From which it goes on.
  void begin(std::int64_t offset) { next = stored_ = offset; }
  // As LedgerStore::usages has them. Errors: fatal for what is broken in it.
  Status load(const std::map<std::string, std::string>& stored);
  // Adds what a record of the topic tells, and says why it was left out: nullptr where it was not, came again, or tells of no attempt.
  const char* take(const Sampled& sample);
  // As UsageBook::add.
  std::optional<Usage::Outcome> add(const Reading& reading);
  // Adds to `change` what has become known of the attempts of these charges, which have been made, and to their runs' records. A GPU's
  // time has the price of the time that was charged.
  void settle(Ledger& ledger, const std::vector<Charge>& charges, const pricing::RateHistory& rates,
              Change& change);
  UsageBook& book() { return book_; }
  // When it is due, or `now` is said: everything that is not stored yet, and the offset up to which it has been read. Attempts of
  // which the latest samples have long told nothing are forgotten, unless the ledger has them open.
  void store_all(const Ledger& ledger, bool now, Change& change);

 private:
  UsageBook book_{most};
  std::int64_t stored_ = 0;  // as `next`, in Redis
  Time newest_{};            // sample that was read
  std::chrono::steady_clock::time_point next_store_{};
};

}  // namespace oppen::cost
