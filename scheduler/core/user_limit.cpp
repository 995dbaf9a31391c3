#include "scheduler/core/user_limit.hpp"

#include <fmt/format.h>

namespace oppen::core {

Result<std::optional<Refusal>> UserLimit::refusal(
    const std::map<std::string, std::int64_t>& jobs_by_user) {
  if (most_ == 0) return std::optional<Refusal>();
  std::vector<std::string> unknown;
  for (const auto& [user, jobs] : jobs_by_user) {
    if (!open_.contains(user)) unknown.push_back(user);
  }
  const auto found = store_.open_jobs(unknown);
  if (!found) return fail(found.error());
  for (std::size_t i = 0; i < unknown.size(); ++i) open_[unknown[i]] = (*found)[i];
  for (const auto& [user, jobs] : jobs_by_user) {
    const auto open = open_[user];
    if (open + jobs <= most_) continue;
    return std::optional(
        Refusal{"not_allowed",
                fmt::format("user is \"{}\", of whom {} jobs have not ended: max_jobs_per_user "
                            "allows {}, which {} more would exceed",
                            user, open, most_, jobs),
                "user"});
  }
  return std::optional<Refusal>();
}

}  // namespace oppen::core
