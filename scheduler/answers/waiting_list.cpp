#include "scheduler/answers/waiting_list.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "schemas/text.hpp"

namespace oppen::answers {

void WaitingList::reserve(std::size_t jobs) {
  waiting_.reserve(jobs);
  places_.reserve(jobs);
  id_begins_.reserve(jobs);
  ids_.reserve(jobs *
               max_id_length);  // what is not written to takes no memory; growing would, twice
}

void WaitingList::add(std::string_view job_id, const Head& head) {
  waiting_.push_back(head.waiting);
  places_.push_back(head.place);
  id_begins_.push_back(static_cast<std::uint32_t>(ids_.size()));
  ids_ += job_id;
}

std::string_view WaitingList::job_id(std::size_t index) const {
  const auto begin = id_begins_[index];
  const auto end = index + 1 < id_begins_.size() ? id_begins_[index + 1] : ids_.size();
  return std::string_view(ids_).substr(begin, end - begin);
}

std::optional<std::size_t> WaitingList::find(Rank wanted) const {
  std::size_t begin = 0;
  std::size_t end = size();
  while (begin < end) {
    const auto middle = begin + (end - begin) / 2;
    if (rank(middle) < wanted) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin < size() && rank(begin) == wanted ? std::optional(begin) : std::nullopt;
}

void WaitingList::finish(const std::vector<Rank>& live) {
  std::vector<std::uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0U);
  const auto before = [this](std::uint32_t a, std::uint32_t b) { return rank(a) < rank(b); };
  if (!std::is_sorted(order.begin(), order.end(), before))
    std::sort(order.begin(), order.end(), before);
  order.erase(std::unique(order.begin(), order.end(),
                          [this](auto a, auto b) { return rank(a) == rank(b); }),
              order.end());
  std::vector<Rank> running = live;
  std::sort(running.begin(), running.end());
  std::erase_if(order, [&](std::uint32_t i) {
    return std::binary_search(running.begin(), running.end(), rank(i));
  });
  // Mostly nothing has moved.
  if (order.size() < size() || !std::is_sorted(order.begin(), order.end())) keep(order);

  for (const auto& dependency : std::exchange(pending_, {})) {
    const auto of = find(dependency.of);
    if (!of) continue;
    auto& job = waiting_[*of];
    job.first_dependency = static_cast<std::uint32_t>(dependencies_.size());
    for (const auto& on : dependency.on) {
      if (const auto waits = find(on)) {
        dependencies_.push_back(static_cast<std::uint32_t>(*waits));
      } else if (const auto runs = std::find(live.begin(), live.end(), on); runs != live.end()) {
        dependencies_.push_back(
            static_cast<std::uint32_t>(size() + static_cast<std::size_t>(runs - live.begin())));
      }
    }
    job.dependencies = static_cast<std::uint16_t>(dependencies_.size() - job.first_dependency);
  }
}

void WaitingList::lengthen_limits(std::int64_t seconds) {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  for (auto& job : waiting_) {
    job.max_runtime_seconds =
        static_cast<std::uint32_t>(std::min(most, job.max_runtime_seconds + seconds));
  }
}

void WaitingList::keep(const std::vector<std::uint32_t>& order) {
  WaitingList kept;
  kept.reserve(order.size());
  for (const auto i : order) {
    const auto id = job_id(i);
    kept.waiting_.push_back(waiting_[i]);
    kept.places_.push_back(places_[i]);
    kept.id_begins_.push_back(static_cast<std::uint32_t>(kept.ids_.size()));
    kept.ids_ += id;
  }
  kept.pending_ = std::move(pending_);
  *this = std::move(kept);
}

}  // namespace oppen::answers
