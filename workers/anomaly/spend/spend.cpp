#include "workers/anomaly/spend/spend.hpp"

#include "workers/anomaly/spend/accounts.hpp"
#include "workers/anomaly/spend/look.hpp"

namespace oppen::anomaly {
namespace {

// Of an alert's labels; those of daily cost are one.
std::string key_of(const Spend::Labels& labels) {
  return labels.size() == 1 ? series_key(labels.begin()->first, labels.begin()->second) : "";
}

}  // namespace

struct Spend::Inside {
  Accounts accounts;
};

Spend::Spend(SpendOptions options) : inside_(std::make_unique<Inside>(Inside{Accounts(options)})) {}
Spend::~Spend() = default;
Spend::Spend(Spend&&) noexcept = default;
Spend& Spend::operator=(Spend&&) noexcept = default;

void Spend::add(const Spending& spending) { inside_->accounts.add(spending); }
void Spend::note(const Note& note) { inside_->accounts.note(note); }

void Spend::planned(const Labels& labels, Time from, Time until) {
  if (const auto key = key_of(labels); !key.empty()) inside_->accounts.planned(key, from, until);
}
void Spend::noise(const Labels& labels) { inside_->accounts.noise(key_of(labels)); }

std::vector<Finding> Spend::look(Time at) { return look_at(inside_->accounts, at); }

std::vector<std::pair<std::string, std::string>> Spend::changed() {
  return inside_->accounts.changed();
}
Status Spend::load(const std::string& key, const std::string& value) {
  return inside_->accounts.load(key, value);
}

std::uint64_t Spend::dropped_late() const { return inside_->accounts.meta.dropped; }
std::size_t Spend::series() const { return inside_->accounts.series.size(); }
std::size_t Spend::bytes() const {
  constexpr std::size_t node = 128;  // of the maps, with keys
  const auto& in = inside_->accounts;
  return in.series.size() * (sizeof(Series) + node) +
         in.workloads.size() * (sizeof(Workload) + sizeof(WorkloadKey) + node) +
         in.notes.size() * (sizeof(NoteBook) + node);
}

}  // namespace oppen::anomaly
