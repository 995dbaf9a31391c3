#pragma once
// All waiting jobs in the order of launching, some 120 bytes each, with their ids and with whom they wait for. Built by one thread
// (add, depend, finish); then any thread may read it.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/answers/head.hpp"

namespace oppen::answers {

class WaitingList {
 public:
  void reserve(std::size_t jobs);
  // In any order; one that comes twice counts once.
  void add(std::string_view job_id, const Head& head);
  // `of` waits until all of `on` have ended, which wait or run.
  void depend(Rank of, std::vector<Rank> on) { pending_.push_back({of, std::move(on)}); }
  // Sorts, and leaves out what runs by now: `live` in the order of the view's attempts. Call it once, at the end.
  void finish(const std::vector<Rank>& live);

  // All of them may take so much longer than their limit says.
  void lengthen_limits(std::int64_t seconds);

  std::size_t size() const { return waiting_.size(); }
  std::optional<std::size_t> find(Rank rank) const;
  std::string_view job_id(std::size_t index) const;
  std::span<const plan::Waiting> waiting() const { return waiting_; }
  // As plan::View wants them.
  std::span<const std::uint32_t> dependencies() const { return dependencies_; }

 private:
  struct Dependency {
    Rank of;
    std::vector<Rank> on;
  };
  Rank rank(std::size_t index) const { return {waiting_[index].priority, places_[index]}; }
  void keep(const std::vector<std::uint32_t>& order);

  std::vector<plan::Waiting> waiting_;
  std::vector<std::int64_t> places_;
  std::string ids_;
  std::vector<std::uint32_t> id_begins_;  // in ids_
  std::vector<std::uint32_t> dependencies_;
  std::vector<Dependency> pending_;
};

}  // namespace oppen::answers
