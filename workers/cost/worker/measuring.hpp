#pragma once
// What telemetry tells of the attempts of one partition, on its way into the books. It is settled with each charge of an attempt, and
// stored with that; the offset of telemetry is stored more seldom, with all of it: what is read again after a crash has been seen. No
// I/O; one thread.
#include <chrono>
#include <map>
#include <string>

#include "workers/cost/store/ledger_store.hpp"
#include "workers/cost/usage/usage_book.hpp"

namespace oppen::cost {

class Measuring {
 public:
  // Attempts with telemetry, of a partition.
  static constexpr std::size_t most = 5'000;

  std::int64_t next = 0;  // offset of telemetry that is handled next

  // As LedgerStore::usages has them. Errors: fatal for what is broken in it.
  Status load(const std::map<std::string, std::string>& stored);
  // As UsageBook::add.
  std::optional<Usage::Outcome> add(const Reading& reading);
  // Adds to `change` what has become known of the attempts of these charges, which have been made, and to their runs' records.
  void settle(Ledger& ledger, const std::vector<Charge>& charges, const pricing::RateHistory& rates,
              Time now, Change& change);
  // When it is due: everything, and the offset up to which it has been read. Attempts that have long been silent are forgotten.
  void store_all(Time now, Change& change);

 private:
  UsageBook book_{most};
  bool moved_ = false;
  std::chrono::steady_clock::time_point next_store_{};
};

}  // namespace oppen::cost
