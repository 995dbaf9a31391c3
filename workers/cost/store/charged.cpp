#include "workers/cost/store/charged.hpp"

#include "workers/cost/ledger/attempt.hpp"

namespace oppen::cost {

Result<std::vector<std::optional<MicroUsd>>> charged(runtime::Redis& redis,
                                                     const std::string& topic_prefix,
                                                     const std::vector<AttemptId>& ids) {
  std::vector<std::optional<MicroUsd>> costs(ids.size());
  if (ids.empty()) return costs;
  runtime::Redis::Args args{"MGET"};
  for (const auto& id : ids) args.push_back("{" + topic_prefix + "cost}:settled:" + id.run);
  const auto reply = redis.command(args);
  if (!reply) return fail(reply.error());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& element = reply->elements.at(i);
    if (element.is_nil()) continue;
    const auto job = decode_job(element.text);
    if (!job) return fail(job.error());
    const auto attempt = job->attempts.find(ids[i].attempt);
    if (attempt != job->attempts.end() && attempt->second.final)
      costs[i] = attempt->second.charged.total;
  }
  return costs;
}

}  // namespace oppen::cost
