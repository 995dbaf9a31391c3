#pragma once
// Reads the rates from the topic `control`, all of it from its beginning on, and what it no longer holds from Redis. One thread.
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "producers/client/kafka.hpp"
#include "scheduler/plan/policy.hpp"
#include "workers/cost/pricing/rate_history.hpp"
#include "workers/cost/store/ledger_store.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::cost {

class RatesReader {
 public:
  // All must outlive this. Errors: invalid (a property librdkafka refuses).
  static Result<std::unique_ptr<RatesReader>> create(const client::KafkaSettings& kafka,
                                                     pricing::RateHistory& rates,
                                                     LedgerStore& store, runtime::Metrics& metrics);

  // Takes what has come, without waiting long. True when prices may have changed. A policy that can't be read is counted, and the
  // last good one stays. Errors: unavailable: go on calling.
  Result<bool> read();
  // Whether everything has been read that stood there when reading began: nothing is to be priced before.
  bool caught_up() const { return begun_ && next_ >= end_; }
  // The scheduling policies of the last one that `control` holds; the defaults where it holds none.
  const plan::Policy& policy() const { return policy_; }
  // Stores those policies in Redis that are not there yet. Errors: of Redis.
  Status remember();
  // Redis may have lost them: all are stored again with the next remember().
  void remember_again() { unremembered_ = taken_; }

 private:
  RatesReader(std::unique_ptr<client::Consumer> consumer, pricing::RateHistory& rates,
              LedgerStore& store, runtime::Metrics& metrics);
  Status begin();
  Status recall(std::int64_t low);
  bool take(std::int64_t offset, PolicyChanged policy);
  void refuse(std::int64_t offset, const std::string& reason);

  std::unique_ptr<client::Consumer> consumer_;
  pricing::RateHistory& rates_;
  plan::Policy policy_;
  LedgerStore& store_;
  runtime::Counter& refused_;
  std::map<std::int64_t, std::string>
      taken_;  // the policies that have changed rates, by their offsets
  std::map<std::int64_t, std::string> unremembered_;  // of these, those that Redis may not have
  bool changed_ = false;  // and read() has not returned it yet: it may have failed after that
  bool begun_ = false;
  bool any_ = false;
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace oppen::cost
