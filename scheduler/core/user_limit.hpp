#pragma once
// max_jobs_per_user: how many jobs of one user may be there that have not ended. Those without a user are together one user's. For the
// commands that one commit handles; core's thread; borrows the store.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "scheduler/core/admission.hpp"
#include "scheduler/queue/store.hpp"

namespace oppen::core {

class UserLimit {
 public:
  // `most` 0: no limit, and nothing is asked of the store.
  UserLimit(queue::QueueStore& store, std::int64_t most) : store_(store), most_(most) {}

  // Why so many more jobs of each user would be too many; nullopt: they are not. Errors: of the store.
  Result<std::optional<Refusal>> refusal(const std::map<std::string, std::int64_t>& jobs_by_user);
  // One more is there, for those that the same commit handles after it.
  void add(const std::string& user) { ++open_[user]; }

 private:
  queue::QueueStore& store_;
  const std::int64_t most_;
  std::map<std::string, std::int64_t> open_;  // of those that were asked about
};

}  // namespace oppen::core
