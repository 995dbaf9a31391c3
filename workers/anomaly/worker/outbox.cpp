#include "workers/anomaly/worker/outbox.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "schemas/cloud_event.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::anomaly {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds deadline{3};  // the lease goes on meanwhile

}  // namespace

template <class Event>
void Outbox::put(std::string_view topic, const std::string& id, const std::string& key,
                 const Event& event, Time at) {
  count_ = at == last_ ? count_ + 1 : 0;
  last_ = at;
  const auto field = fmt::format("{:014} {:06}", at.time_since_epoch().count(), count_);
  auto text = json{{"topic", topic},
                   {"id", id},
                   {"key", key},
                   {"type", Event::type},
                   {"time", at.time_since_epoch().count()},
                   {"data", to_text(event)}}
                  .dump(-1, ' ', false, json::error_handler_t::replace);
  changes_.push_back({hash, field, text});
  entries_[field] = std::move(text);
}

void Outbox::put(const Said& said) {
  if (said.proposal) {
    const auto& id = said.proposal->proposal_id;
    put(topics::control, "proposal/" + id, id, *said.proposal, said.at);
  }
  put(topics::alerts, said.alert.alert_id, said.alert.fingerprint, said.alert, said.at);
}

void Outbox::take_changes(std::vector<runtime::Cell>& cells) {
  cells.insert(cells.end(), changes_.begin(), changes_.end());
  changes_.clear();
}

Result<Outbox::Published> Outbox::publish(client::Producer& producer,
                                          const std::function<Status()>& go_on) {
  Published published;
  while (!entries_.empty() && published.sent + published.refused < most_at_once) {
    if (auto status = go_on(); !status) return fail(status.error());
    const auto& [field, text] = *entries_.begin();
    const auto stored = json::parse(text);
    CloudEvent event;
    event.id = stored["id"];
    event.source = "/oppen/anomaly";
    event.type = stored["type"];
    event.time = Time(std::chrono::milliseconds(stored["time"].get<std::int64_t>()));
    event.subject = stored["key"];
    const auto sent = producer.send_and_wait(
        stored["topic"].get<std::string>(),
        encode(event, stored["key"].get<std::string>(), stored["data"].get<std::string>()),
        deadline);
    if (!sent && sent.error().kind != ErrorKind::invalid) return fail(sent.error());
    ++(sent ? published.sent : published.refused);
    if (!sent) {
      spdlog::error("{} of {} can't be published, and is left out: {}", event.id, event.subject,
                    sent.error().message);
    }
    changes_.push_back({hash, field, ""});
    entries_.erase(entries_.begin());
  }
  return published;
}

bool Outbox::load(const std::string& field, const std::string& value) {
  const auto stored = json::parse(value, nullptr, false);
  for (const auto* const text : {"topic", "id", "key", "type", "data"}) {
    if (!stored.is_object() || !stored.contains(text) || !stored[text].is_string()) return false;
  }
  if (!stored.contains("time") || !stored["time"].is_number_integer()) return false;
  entries_[field] = value;
  return true;
}

}  // namespace oppen::anomaly
