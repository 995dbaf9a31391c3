#include "workers/cost/budgets/book.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"

namespace oppen::budgets {
namespace {

using nlohmann::json;

Result<Book> broken(const std::string& what) {
  return fail(ErrorKind::fatal, "the budgets in Redis are broken: " + what);
}

// What was told of another scope or period says nothing of this one. A state that doesn't name them is believed.
bool is_of(const BudgetState& state, const BudgetSet& set) {
  if (state.period.empty()) return true;
  return state.scope.team == set.scope.team && state.scope.project == set.scope.project &&
         state.period == set.period;
}

}  // namespace

MicroUsd unspent(const Commitment& commitment, Time as_of) {
  if (commitment.ended) return *commitment.ended + settling > as_of ? commitment.cost : MicroUsd{};
  const auto charged_until = as_of - charge_interval - settling;
  if (!commitment.from || *commitment.from >= charged_until) return commitment.cost;
  const double passed = Seconds(charged_until - *commitment.from).count();
  if (passed >= commitment.seconds) return {};
  return {
      std::llround(static_cast<double>(commitment.cost.value) * (1 - passed / commitment.seconds))};
}

const Standing* in_the_way(const std::vector<Standing>& standings, const std::string& team,
                           const std::string& project, MicroUsd cost, bool approved) {
  for (const auto& standing : standings) {
    if (standing.set.mode == "soft" || (standing.set.mode == "approval" && approved)) continue;
    if (!covers(standing.set.scope, team, project)) continue;
    if (!standing.summed || standing.room() < cost.value) return &standing;
  }
  return nullptr;
}

std::string sentence(const Standing& standing, MicroUsd cost) {
  if (!standing.summed) {
    return fmt::format("what is spent of {} is not summed yet, and this needs {}",
                       dollars(standing.set.amount), dollars(cost));
  }
  return fmt::format("spent {} of {}, {} committed, and this needs {}", dollars(standing.spent),
                     dollars(standing.set.amount), dollars(standing.committed), dollars(cost));
}

tl::expected<void, std::string> Book::take(BudgetSet set) {
  if (const auto faults = faults_of(set); !faults.empty()) return tl::unexpected(sentences(faults));
  if (is_withdrawn(set)) {
    sets_.erase(set.budget_id);
    told_.erase(set.budget_id);
    return {};
  }
  if (!sets_.contains(set.budget_id) && sets_.size() >= most_budgets) {
    return tl::unexpected(
        fmt::format("budget_id is \"{}\": there are {} budgets already, which is the most",
                    set.budget_id, most_budgets));
  }
  const auto told = told_.find(set.budget_id);
  if (told != told_.end() && !is_of(told->second.state, set)) told_.erase(told);
  sets_[set.budget_id] = std::move(set);
  return {};
}

void Book::take(const BudgetState& state, Time at) {
  const auto set = sets_.find(state.budget_id);
  if (set == sets_.end() || !is_of(state, set->second)) return;
  const auto known = told_.find(state.budget_id);
  // Of a keeper that was paused, and that another has replaced.
  if (known != told_.end() && at < known->second.at) return;
  told_[state.budget_id] = {state, at};
}

bool Book::holds() const {
  for (const auto& [id, set] : sets_) {
    if (set.mode != "soft") return true;
  }
  return false;
}

std::vector<BudgetSet::Scope> Book::held_scopes() const {
  std::vector<BudgetSet::Scope> scopes;
  for (const auto& [id, set] : sets_) {
    if (set.mode != "soft") scopes.push_back(set.scope);
  }
  return scopes;
}

std::vector<Standing> Book::standings(const std::vector<Commitment>& commitments, Time now) const {
  std::vector<Standing> standings;
  for (const auto& [id, set] : sets_) {
    Standing standing{set, period_at(set.period, now), {}, {}, false};
    auto as_of = standing.period.start;
    const auto told = told_.find(id);
    standing.summed = told != told_.end();
    if (told != told_.end() && told->second.state.period_start == standing.period.start) {
      standing.spent = told->second.state.spent;
      as_of = std::max(as_of, told->second.at);
    }
    for (const auto& commitment : commitments) {
      if (covers(set.scope, commitment.team, commitment.project))
        standing.committed += unspent(commitment, as_of);
    }
    standings.push_back(std::move(standing));
  }
  return standings;
}

std::string Book::text() const {
  json sets = json::array();
  for (const auto& [id, set] : sets_) sets.push_back(to_data(set));
  json told = json::array();
  for (const auto& [id, one] : told_)
    told.push_back({{"state", to_data(one.state)}, {"at", to_rfc3339(one.at)}});
  return json{{"sets", std::move(sets)}, {"told", std::move(told)}}.dump();
}

Result<Book> Book::parse(const std::string& text) {
  const auto data = json::parse(text, nullptr, false);
  if (!data.is_object() || !data.contains("sets") || !data.contains("told"))
    return broken("no sets, or nothing told of them");
  Book book;
  for (const auto& one : data["sets"]) {
    auto set = parse_data<BudgetSet>(one);
    if (!set) return broken(sentences(set.error()));
    if (const auto taken = book.take(std::move(*set)); !taken) return broken(taken.error());
  }
  for (const auto& one : data["told"]) {
    const auto state = parse_data<BudgetState>(one.value("state", json()));
    if (!state) return broken(sentences(state.error()));
    const auto at = parse_rfc3339(one.value("at", ""));
    if (!at) return broken(at.error().message);
    book.take(*state, *at);
  }
  return book;
}

}  // namespace oppen::budgets
