#include "workers/cost/worker/rates_reader.hpp"

#include <iterator>
#include <utility>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

constexpr auto rates_deadline = 5s;
constexpr int most_at_once = 1'000;

client::TopicPartition control() { return {std::string(topics::control), 0}; }

}  // namespace

RatesReader::RatesReader(std::unique_ptr<client::Consumer> consumer, pricing::RateHistory& rates,
                         LedgerStore& store, runtime::Metrics& metrics)
    : consumer_(std::move(consumer)),
      rates_(rates),
      store_(store),
      refused_(metrics.counter("oppen_policy_refused_total",
                               "Changes of policies on `control` that could not be read")) {}

Result<std::unique_ptr<RatesReader>> RatesReader::create(const client::KafkaSettings& kafka,
                                                         pricing::RateHistory& rates,
                                                         LedgerStore& store,
                                                         runtime::Metrics& metrics) {
  auto consumer = client::Consumer::create(kafka, "");
  if (!consumer) return fail(consumer.error());
  return std::unique_ptr<RatesReader>(new RatesReader(std::move(*consumer), rates, store, metrics));
}

Status RatesReader::begin() {
  const auto marks = consumer_->watermarks(control(), rates_deadline);
  if (!marks) return fail(marks.error());
  if (auto status = recall(marks->low); !status) return status;
  if (auto status = consumer_->assign({{control(), marks->low}}); !status) return status;
  next_ = marks->low;
  end_ = marks->high;
  begun_ = true;
  return {};
}

// The last policy that the topic does not hold any more. Those before it concern nothing that is still told of.
Status RatesReader::recall(std::int64_t low) {
  auto policies = store_.policies();
  if (!policies) return fail(policies.error());
  const auto kept = policies->lower_bound(low);
  if (kept == policies->begin()) return {};
  const auto last = std::prev(kept);
  for (auto old = policies->begin(); old != last; ++old) {
    if (auto status = store_.forget_policy(old->first); !status) return status;
  }
  auto policy = parse_data<PolicyChanged>(nlohmann::json::parse(last->second, nullptr, false));
  if (!policy) {
    return fail(ErrorKind::fatal,
                "a policy of the ledger in Redis is broken: " + sentences(policy.error()));
  }
  take(last->first, std::move(*policy));
  return {};
}

Result<bool> RatesReader::read() {
  if (!begun_) {
    if (auto status = begin(); !status) return fail(status.error());
  }
  const bool behind = !caught_up();
  for (int i = 0; i < most_at_once; ++i) {
    const auto record = consumer_->poll(caught_up() ? 0ms : 200ms);
    if (!record) return fail(record.error());
    if (!*record) break;
    next_ = (*record)->offset + 1;
    const auto event = decode((*record)->record);
    if (!event || event->type != PolicyChanged::type) continue;  // others judge what is none
    auto policy = parse_data<PolicyChanged>(event->data);
    if (!policy) {
      refuse((*record)->offset, sentences(policy.error()));
    } else {
      auto scheduling = policy->scheduling_policies;
      for (const auto& change : policy->overrides) {
        if (plan::is_policy_key(change.key)) scheduling[change.key] = change.value;
      }
      if (auto parsed = plan::parse_policy(scheduling)) policy_ = std::move(*parsed);
      if (take((*record)->offset, std::move(*policy))) changed_ = true;
    }
  }
  if (behind && caught_up() && !any_)
    spdlog::warn("there is no policy on the topic control: the default rates hold");
  return std::exchange(changed_, false);
}

void RatesReader::refuse(std::int64_t offset, const std::string& reason) {
  spdlog::error("the policy at offset {} of control is refused, the last good one stays: {}",
                offset, reason);
  refused_.add();
}

bool RatesReader::take(std::int64_t offset, PolicyChanged policy) {
  const auto changed = rates_.take(policy);
  if (!changed) {
    refuse(offset, changed.error().message);
    return false;
  }
  any_ = true;
  if (!*changed) return false;
  spdlog::info("rates hold from {}", to_rfc3339(policy.effective_from));
  policy.scheduling_policies.clear();
  std::erase_if(policy.overrides, [](const PolicyOverride& change) {
    return !pricing::is_cost_model_key(change.key);
  });
  unremembered_[offset] = taken_[offset] = to_text(policy);
  return true;
}

Status RatesReader::remember() {
  auto status = store_.remember_policies(unremembered_);
  if (status) unremembered_.clear();
  return status;
}

}  // namespace oppen::cost
