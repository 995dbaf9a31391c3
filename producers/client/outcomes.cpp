#include "producers/client/outcomes.hpp"

#include <algorithm>

#include "schemas/job_events.hpp"

namespace oppen::client {
namespace {

bool is_end(const std::string& type) {
  return type == JobSucceeded::type || type == JobFailed::type || type == JobCancelled::type ||
         type == BatchQueued::type;
}

bool is_rejection(const std::string& type) {
  return type == JobRejected::type || type == BatchRejected::type;
}

std::int64_t number(const CloudEvent& event, const char* field, std::int64_t otherwise) {
  if (!event.data.is_object()) return otherwise;
  const auto found = event.data.find(field);
  return found != event.data.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                                 : otherwise;
}

}  // namespace

void Outcomes::expect(const std::string& id, std::int64_t command) {
  waiting_.insert_or_assign(id, Waiting{command, 0});
}

void Outcomes::take(const std::string& id, int partition, CloudEvent event) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  if (is_end(event.type)) return decide(id, std::move(event));
  auto& [command, last_seq] = found->second;
  const auto seq = number(event, "seq", last_seq + 1);
  const bool rejection = is_rejection(event.type);
  if ((!rejection && event.type != JobQueued::type) || seq <= last_seq) return;
  last_seq = seq;
  rejected_.erase(id);
  if (rejection && number(event, "source_offset", command) >= command)
    rejected_.insert_or_assign(id, Rejection{partition, std::move(event)});
}

bool Outcomes::undecided(int partition) const {
  return std::any_of(rejected_.begin(), rejected_.end(), [partition](const auto& rejection) {
    return rejection.second.partition == partition;
  });
}

void Outcomes::caught_up(int partition) {
  std::vector<std::string> ids;
  for (const auto& [id, rejection] : rejected_) {
    if (rejection.partition == partition) ids.push_back(id);
  }
  for (const auto& id : ids) decide(id, std::move(rejected_.at(id).event));
}

void Outcomes::decide(const std::string& id, CloudEvent event) {
  outcomes_.insert_or_assign(id, std::move(event));
  waiting_.erase(id);
  rejected_.erase(id);
}

std::vector<std::string> Outcomes::missing(std::size_t at_most) const {
  std::vector<std::string> ids;
  for (const auto& [id, waiting] : waiting_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  ids.resize(std::min(ids.size(), at_most));
  return ids;
}

}  // namespace oppen::client
