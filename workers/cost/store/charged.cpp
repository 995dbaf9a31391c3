#include "workers/cost/store/charged.hpp"

#include "workers/cost/ledger/attempt.hpp"

namespace oppen::cost {

Result<std::vector<std::optional<MicroUsd>>> charged(runtime::Redis& redis,
                                                     const std::string& topic_prefix,
                                                     const std::vector<AttemptId>& ids) {
  std::vector<std::optional<MicroUsd>> costs(ids.size());
  if (ids.empty()) return costs;
  const auto prefix = "{" + topic_prefix + "cost}:";
  runtime::Redis::Args args{"MGET"};
  for (const auto& id : ids)
    args.insert(args.end(), {prefix + "settled:" + id.run, prefix + "run:" + id.run});
  const auto reply = redis.command(args);
  if (!reply) return fail(reply.error());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& settled = reply->elements.at(2 * i);
    const auto& run = reply->elements.at(2 * i + 1);
    std::string text = settled.is_nil() ? "" : settled.text;
    if (settled.is_nil() && !run.is_nil()) {
      if (auto read = decode_run(ids[i].run, run.text, &text); !read) return fail(read.error());
    }
    if (text.empty()) continue;
    const auto job = decode_job(text);
    if (!job) return fail(job.error());
    const auto attempt = job->attempts.find(ids[i].attempt);
    if (attempt != job->attempts.end() && attempt->second.final)
      costs[i] = attempt->second.charged.total;
  }
  return costs;
}

}  // namespace oppen::cost
