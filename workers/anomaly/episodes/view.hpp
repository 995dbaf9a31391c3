#pragma once
// What the anomaly worker has in Redis, behind the prefix, beside the keys of runtime::LeasedStore:
//   episodes   hash: fingerprint -> Episode
//   silences   hash: silence id -> its alert.silence
//   feedback   hash: fingerprint -> Feedback
//   next       hash: "<topic>/<partition>" -> the offset from which to go on, and the time up to which it is taken
//   letters    hash: "<topic>/<partition>" -> up to where what is not valid is in the dead letter, as next
//   broken     hash: "<hash> <field>" -> what was there and couldn't be read
//   time, cluster, outbox, and the hashes of the rules
#include <map>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "workers/anomaly/episodes/episode.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::anomaly {

// What its keys begin with.
std::string store_prefix(const std::string& topic_prefix);

struct AlertsView {
  std::map<std::string, Episode> episodes;  // by fingerprint
  std::vector<AlertSilence> silences;
  std::map<std::string, Feedback> feedback;  // by fingerprint
};
// For reading alone: any Redis, any time. Errors: unavailable, fatal.
Result<AlertsView> read_alerts(runtime::Redis& redis, const std::string& topic_prefix);

}  // namespace oppen::anomaly
