#pragma once
// One possible future of the queue, played through event by event. Internal to this folder: project.hpp
// says what for. A path belongs to one thread; it borrows the setup.
//
// Times are milliseconds from the view's now on.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/plan/draw.hpp"
#include "scheduler/plan/project.hpp"
#include "scheduler/plan/room.hpp"

namespace oppen::plan {

// From when on the job may run as far as its hold goes, at `at` or later; Release::never.
std::int64_t allowed_from(const View& view, const Waiting& job, std::int64_t at);

// What all paths of a projection share.
struct Setup {
  // `only`: of the jobs from `from_` to `to_` those that are asked about, in ascending order; empty: all.
  Setup(const View& of, std::size_t from_, std::size_t to_, std::span<const std::uint32_t> only);

  std::size_t asked() const { return some.empty() ? to - from : some.size(); }
  std::size_t index_of(std::size_t number) const {
    return some.empty() ? from + number : some[number];
  }
  // The number of a waiting job among those asked about.
  std::optional<std::size_t> number_of(std::uint32_t index) const;

  const View& view;
  std::size_t from;
  std::size_t to;
  std::span<const std::uint32_t> some;
  Room room;
  // Those that wait for index i: dependents[first_dependent[i]] to before that of i + 1; both empty when
  // nobody depends on anybody.
  std::vector<std::uint32_t> first_dependent;
  std::vector<std::uint32_t> dependents;
};

// By how much a single path may be off, summed as project.hpp says.
class Lateness {
 public:
  // `room` without any attempt of ours in it.
  Lateness(const Room& room, const LogNormal& overhead);

  // The head that lacks something now: runs count for their part of that from here on.
  void blocked(const Room& room, Priority priority, const Amounts& amounts);
  // A run ends; the room still counts it as there.
  void ended(const Room& room, Priority priority, const Amounts& amounts, const LogNormal& run);
  double seconds() const;  // a standard deviation

 private:
  const Room all_;
  std::size_t scope_ = 0;  // of what is lacking
  std::int64_t Amounts::*resource_ = &Amounts::pods;
  double variance_ = 0;
  double common_ = 0;           // of the runs
  double common_overhead_ = 0;  // an overhead that is told wrongly says nothing of the runs
  double spread_ = 0;           // and of a log-normal duration with it, whose median is one:
  double mean_of_one_ = 1;
  double variance_of_one_ = 0;
  const double overhead_variance_;  // of each attempt
  const double overhead_doubt_;     // in seconds
};

class Path {
 public:
  // `number` of `paths`, from 0; a single one is even and says its lateness. `looks`: how many jobs behind
  // the head and live attempts it may look at for backfill in all.
  Path(const Setup& setup, int number, int paths, std::int64_t looks);
  // One that has been played up to a job before all that are asked about, and goes on from there: as in another setup, which differs in nothing
  // before that job.
  Path(const Path& played, const Setup& setup);

  struct Start {
    std::int64_t at = Release::never;
    float lateness_seconds = 0;
  };
  // Of the jobs asked about.
  std::vector<Start> follow();
  // Until that job would be looked at. Without backfill and dependencies.
  void follow_to(std::uint32_t index);

 private:
  struct End {
    std::int64_t at = 0;
    std::int64_t by = 0;  // enforced
    std::uint32_t index = 0;
  };
  struct Later {
    bool operator()(const End& a, const End& b) const { return a.at > b.at; }
  };

  std::int64_t next_close();
  void play();
  void begin_live();
  void end_first();
  bool may_run(std::uint32_t index);
  void enter(std::uint32_t index);
  void refill(std::size_t size);
  void launch_all();
  void backfill();
  void launch(std::uint32_t index);
  double part_of(std::uint32_t index) const;
  double overhead_part_of(std::uint32_t index) const;

  const Setup& setup_;
  const std::uint32_t number_;
  const bool single_;
  const double y_;           // of this path
  const double overhead_y_;  // the same of overheads
  std::int64_t looks_;

  std::int64_t now_ = 0;
  Room room_;
  std::vector<End> ends_;     // heap, the first on top
  std::size_t window_ = 0;    // those before it have closed
  std::uint32_t cursor_ = 0;  // waiting jobs before it have been looked at
  std::uint32_t end_;         // none from here on is
  bool begun_ = false;
  std::vector<std::uint32_t>
      front_;  // the next that may run, in order: the head and who may pass it
  std::vector<std::uint32_t>
      ready_;  // those behind the front and before the cursor; heap, least on top
  std::vector<std::pair<std::int64_t, std::uint32_t>> timed_;  // may run from then on; heap
  std::vector<std::uint16_t> unmet_;  // dependencies left of each waiting job
  std::vector<Release> releases_;
  Lateness lateness_;
  std::vector<Start> starts_;
  std::size_t asked_left_ = 0;
};

}  // namespace oppen::plan
