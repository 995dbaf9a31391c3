#pragma once
// What the notifier keeps between two lives, in Redis: scripts/lib.lua lists the keys. One instance delivers, the one that has claimed
// it last: what another one writes is refused, and changes nothing. Who meets any error of Redis must drop what it holds and claim again.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workers/notifier/receipt.hpp"
#include "workers/notifier/waiting.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::notifier {

struct Claim {
  std::string token;
  std::int64_t version = 0;
  std::optional<std::int64_t> next;  // offset of alerts from which to go on; none: nothing is known
};

struct Change {
  std::optional<std::int64_t> next;
  std::vector<std::pair<std::string, EntryChange>> entries;  // by route
  std::vector<Receipt> receipts;
  std::map<std::string, Time> canaries;  // by route

  bool empty() const { return !next && entries.empty() && receipts.empty() && canaries.empty(); }
};

struct Stored {
  std::map<std::string, std::map<std::string, Entry>> waiting;  // by route and fingerprint
  std::map<std::string, Time> canaries;                         // by route
};

// One thread. Errors of all: of Redis; fatal for what is broken in it.
class Store {
 public:
  // `redis` must outlive this.
  Store(runtime::Redis& redis, const std::string& topic_prefix);

  // The id of the Kafka cluster whose alerts these are; the first one that asks settles it.
  Result<std::string> cluster(const std::string& connected);
  Result<Claim> claim();
  Result<Stored> load();
  // Raises the claim's version. fenced: another one has claimed it, or Redis does not hold what it held.
  Status commit(Claim& claim, const Change& change);
  // fenced: as of commit.
  Status check(const Claim& claim);
  // The last ones as JSON, the latest first.
  Result<std::vector<std::string>> receipts(std::size_t most);

 private:
  runtime::Redis& redis_;
  std::string prefix_;
};

}  // namespace oppen::notifier
