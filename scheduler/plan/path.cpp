#include "scheduler/plan/path.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace oppen::plan {
namespace {

std::int64_t between(Time from, Time to) {
  return to == Time::max() ? Release::never : (to - from).count();
}

LogNormal run_of(const Waiting& job) { return {job.p50_seconds, job.spread, job.doubt}; }
LogNormal run_of(const Running& job) { return {job.p50_seconds, job.spread, job.doubt}; }

double mean_of(const LogNormal& of) { return of.p50_seconds * std::exp(of.spread * of.spread / 2); }
double variance_of(const LogNormal& of) {
  const double mean = mean_of(of);
  return mean * mean * std::expm1(of.spread * of.spread);
}

std::int64_t milliseconds(double seconds) { return std::llround(seconds * 1000); }

// They are gone in a moment.
Room without_strays(Capacity capacity) {
  capacity.strays = 0;
  return Room(capacity);
}

Room empty(const Setup& setup) {
  Room room = setup.room;
  for (const auto& job : setup.view.running) room.give(job.priority, job.amounts);
  return room;
}

}  // namespace

std::int64_t allowed_from(const View& view, const Waiting& job, std::int64_t at) {
  if (job.hold == Hold::budget || job.hold == Hold::paused) return Release::never;
  at = std::max(at, (job.not_before - view.now).count());
  if (view.paused && view.paused_until) at = std::max(at, (*view.paused_until - view.now).count());
  if (job.hold != Hold::window) return at;
  for (const auto& window : view.off_peak) {
    if (at < (window.closes - view.now).count())
      return std::max(at, (window.opens - view.now).count());
  }
  return Release::never;
}

Setup::Setup(const View& of, std::size_t from_, std::size_t to_,
             std::span<const std::uint32_t> only)
    : view(of), from(from_), to(to_), some(only), room(without_strays(of.capacity)) {
  if (view.dependencies.empty()) return;
  // Counted, then summed up to each one's place, then filled in.
  first_dependent.assign(view.waiting.size() + view.running.size() + 1, 0);
  const auto each = [&](auto&& use) {
    for (std::uint32_t i = 0; i < view.waiting.size(); ++i) {
      const auto& job = view.waiting[i];
      for (const auto on : view.dependencies.subspan(job.first_dependency, job.dependencies))
        use(on, i);
    }
  };
  each([&](std::uint32_t on, std::uint32_t) { ++first_dependent[on]; });
  std::uint32_t sum = 0;
  for (auto& first : first_dependent) first = sum += first;
  dependents.resize(sum);
  each([&](std::uint32_t on, std::uint32_t job) { dependents[--first_dependent[on]] = job; });
}

std::optional<std::size_t> Setup::number_of(std::uint32_t index) const {
  if (index < from || index >= to) return std::nullopt;
  if (some.empty()) return index - from;
  const auto found = std::lower_bound(some.begin(), some.end(), index);
  if (found == some.end() || *found != index) return std::nullopt;
  return static_cast<std::size_t>(found - some.begin());
}

Lateness::Lateness(const Room& room, const LogNormal& overhead)
    : all_(room),
      overhead_variance_(variance_of(overhead)),
      overhead_doubt_(overhead.doubt * mean_of(overhead)) {}

void Lateness::blocked(const Room& room, Priority priority, const Amounts& amounts) {
  for (const auto scope : {std::size_t{0}, Room::scope_of(priority)}) {
    for (const auto resource :
         {&Amounts::pods, &Amounts::gpus, &Amounts::cpu_millicores, &Amounts::memory_bytes}) {
      if (amounts.*resource == 0 || amounts.*resource <= room.left(scope).*resource) continue;
      scope_ = scope;
      resource_ = resource;
      return;
    }
  }
}

void Lateness::ended(const Room& room, Priority priority, const Amounts& amounts,
                     const LogNormal& run) {
  const auto taken = all_.left(scope_).*resource_ - room.left(scope_).*resource_;
  if ((scope_ != 0 && scope_ != Room::scope_of(priority)) || taken <= 0) return;
  const double share = static_cast<double>(amounts.*resource_) / static_cast<double>(taken);
  if (run.spread != spread_) {  // neighbours mostly have the same
    spread_ = run.spread;
    mean_of_one_ = std::exp(spread_ * spread_ / 2);
    variance_of_one_ = mean_of_one_ * mean_of_one_ * std::expm1(spread_ * spread_);
  }
  const double mean = run.p50_seconds * mean_of_one_;
  const double scale = run.p50_seconds * share;
  variance_ += variance_of_one_ * scale * scale + overhead_variance_ * share * share;
  common_ += run.doubt * mean * share;
  common_overhead_ += overhead_doubt_ * share;
}

double Lateness::seconds() const {
  return std::sqrt(variance_ + common_ * common_ + common_overhead_ * common_overhead_);
}

Path::Path(const Setup& setup, int number, int paths, std::int64_t looks)
    : setup_(setup),
      number_(static_cast<std::uint32_t>(number)),
      single_(paths == 1),
      y_(single_ ? 0 : z_of((number + 0.5) / paths)),
      overhead_y_(single_ ? 0 : z_of(even_part(number_))),
      looks_(setup.view.backfill ? looks : 0),
      room_(setup.room),
      end_(static_cast<std::uint32_t>(setup.view.waiting.size())),
      lateness_(empty(setup), setup.view.overhead),
      starts_(setup.asked()),
      asked_left_(starts_.size()) {
  if (setup.dependents.empty()) return;
  for (const auto& job : setup.view.waiting) unmet_.push_back(job.dependencies);
}

Path::Path(const Path& played, const Setup& setup)
    : setup_(setup),
      number_(played.number_),
      single_(played.single_),
      y_(played.y_),
      overhead_y_(played.overhead_y_),
      looks_(played.looks_),
      now_(played.now_),
      room_(played.room_),
      ends_(played.ends_),
      window_(played.window_),
      cursor_(played.cursor_),
      end_(static_cast<std::uint32_t>(setup.view.waiting.size())),
      begun_(played.begun_),
      front_(played.front_),
      ready_(played.ready_),
      timed_(played.timed_),
      lateness_(played.lateness_),
      starts_(setup.asked()),
      asked_left_(starts_.size()) {}

std::vector<Path::Start> Path::follow() {
  play();
  return std::move(starts_);
}

void Path::follow_to(std::uint32_t index) {
  end_ = index;
  play();
}

void Path::play() {
  if (!std::exchange(begun_, true)) begin_live();
  while (true) {
    launch_all();
    const bool reached = end_ < setup_.view.waiting.size() && cursor_ == end_ && front_.empty();
    if (asked_left_ == 0 || reached) break;
    auto next = ends_.empty() ? Release::never : ends_.front().at;
    if (!timed_.empty()) next = std::min(next, timed_.front().first);
    next = std::min(next, next_close());
    if (next == Release::never) break;
    now_ = next;
    while (!ends_.empty() && ends_.front().at <= now_) end_first();
    while (!timed_.empty() && timed_.front().first <= now_) {
      const auto index = timed_.front().second;
      std::pop_heap(timed_.begin(), timed_.end(), std::greater<>());
      timed_.pop_back();
      enter(index);
    }
  }
}

// When the window closes next: whoever waits behind a job that can then not start comes into its place.
std::int64_t Path::next_close() {
  const auto& view = setup_.view;
  for (; window_ < view.off_peak.size(); ++window_) {
    const auto closes = (view.off_peak[window_].closes - view.now).count();
    if (closes > now_) return closes;
  }
  return Release::never;
}

double Path::part_of(std::uint32_t index) const {
  return single_ ? even_part(index) : random_part(index, number_);
}

// As if drawn at random, independent of the run's.
double Path::overhead_part_of(std::uint32_t index) const { return random_part(~index, number_); }

void Path::begin_live() {
  const auto& view = setup_.view;
  auto index = static_cast<std::uint32_t>(view.waiting.size());
  for (const auto& job : view.running) {
    const double elapsed = static_cast<double>((view.now - job.started_at).count()) / 1000;
    const auto by = std::max<std::int64_t>(0, between(view.now, job.ends_by));
    auto left = milliseconds(remaining(run_of(job), elapsed, part_of(index), y_)) +
                std::max<std::int64_t>(0, between(view.now, job.started_at));
    if (elapsed <= 0) {  // nearly all of the overhead is before the run
      const double since = static_cast<double>((view.now - job.launched_at).count()) / 1000;
      left += milliseconds(remaining(view.overhead, since, overhead_part_of(index), overhead_y_));
    }
    ends_.push_back({std::min(left, by), by, index++});
  }
  std::make_heap(ends_.begin(), ends_.end(), Later());
}

void Path::end_first() {
  const auto index = ends_.front().index;
  std::pop_heap(ends_.begin(), ends_.end(), Later());
  ends_.pop_back();
  const auto give = [&](const auto& job) {
    if (single_) lateness_.ended(room_, job.priority, job.amounts, run_of(job));
    room_.give(job.priority, job.amounts);
  };
  const auto waiting = setup_.view.waiting.size();
  if (index < waiting) {
    give(setup_.view.waiting[index]);
  } else {
    give(setup_.view.running[index - waiting]);
  }
  if (setup_.dependents.empty()) return;
  for (auto i = setup_.first_dependent[index]; i < setup_.first_dependent[index + 1]; ++i) {
    const auto dependent = setup_.dependents[i];
    if (--unmet_[dependent] == 0 && dependent < cursor_ && may_run(dependent)) enter(dependent);
  }
}

// If not, it comes back by itself when it may, if ever.
bool Path::may_run(std::uint32_t index) {
  const auto& job = setup_.view.waiting[index];
  if (job.dependencies > 0 && unmet_[index] > 0) return false;
  if (job.hold == Hold::none && job.not_before <= setup_.view.now && !setup_.view.paused)
    return true;
  const auto from = allowed_from(setup_.view, job, now_);
  if (from <= now_) return true;
  if (from != Release::never) {
    timed_.emplace_back(from, index);
    std::push_heap(timed_.begin(), timed_.end(), std::greater<>());
  }
  return false;
}

void Path::enter(std::uint32_t index) {
  if (!front_.empty() && index < front_.back()) {
    front_.insert(std::lower_bound(front_.begin(), front_.end(), index), index);
    return;
  }
  ready_.push_back(index);
  std::push_heap(ready_.begin(), ready_.end(), std::greater<>());
}

void Path::refill(std::size_t size) {
  while (front_.size() < size) {
    if (!ready_.empty()) {
      front_.push_back(ready_.front());
      std::pop_heap(ready_.begin(), ready_.end(), std::greater<>());
      ready_.pop_back();
    } else if (cursor_ == end_) {
      return;
    } else if (const auto index = cursor_++; may_run(index)) {
      front_.push_back(index);
    }
  }
}

void Path::launch_all() {
  while (true) {
    refill(1);
    if (front_.empty()) return;
    const auto index = front_.front();
    const auto& job = setup_.view.waiting[index];
    if (job.hold == Hold::window && !may_run(index)) {  // closed while it waited
      front_.erase(front_.begin());
      continue;
    }
    if (!room_.fits(job.priority, job.amounts)) {
      if (single_) lateness_.blocked(room_, job.priority, job.amounts);
      break;
    }
    front_.erase(front_.begin());
    launch(index);
  }
  if (looks_ > 0) backfill();
}

void Path::backfill() {
  refill(1 + backfill_candidates);
  const auto& head = setup_.view.waiting[front_.front()];
  std::optional<Reservation> reservation;
  std::size_t passed_over = 0;
  for (std::size_t i = 1; i < front_.size() && passed_over < backfill_candidates;) {
    const auto index = front_[i];
    const auto& job = setup_.view.waiting[index];
    const auto out = front_.begin() + static_cast<std::ptrdiff_t>(i);
    if (job.hold == Hold::window && !may_run(index)) {
      front_.erase(out);
      refill(1 + backfill_candidates);
      continue;
    }
    if (room_.fits(job.priority, job.amounts)) {
      if (!reservation) {
        releases_.clear();
        const auto waiting = setup_.view.waiting.size();
        for (const auto& end : ends_) {
          const auto add = [&](const auto& of) {
            releases_.push_back({std::max(now_, end.by), of.priority, of.amounts});
          };
          if (end.index < waiting) {
            add(setup_.view.waiting[end.index]);
          } else {
            add(setup_.view.running[end.index - waiting]);
          }
        }
        looks_ -= static_cast<std::int64_t>(4 * ends_.size());
        reservation.emplace(room_, releases_, head.priority, head.amounts);
      }
      if (reservation->admit(job.priority, job.amounts,
                             now_ + std::int64_t{job.max_runtime_seconds} * 1000)) {
        front_.erase(out);
        launch(index);
        --looks_;
        refill(1 + backfill_candidates);
        continue;
      }
    }
    ++i;
    ++passed_over;
  }
  looks_ -= static_cast<std::int64_t>(passed_over);
}

void Path::launch(std::uint32_t index) {
  const auto& job = setup_.view.waiting[index];
  room_.take(job.priority, job.amounts);
  const double seconds =
      std::min<double>(duration(run_of(job), part_of(index), y_) +
                           duration(setup_.view.overhead, overhead_part_of(index), overhead_y_),
                       job.max_runtime_seconds);
  ends_.push_back(
      {now_ + milliseconds(seconds), now_ + std::int64_t{job.max_runtime_seconds} * 1000, index});
  std::push_heap(ends_.begin(), ends_.end(), Later());
  const auto number = setup_.number_of(index);
  if (!number) return;
  auto& start = starts_[*number];
  start.at = now_;
  if (single_ && now_ > 0) start.lateness_seconds = static_cast<float>(lateness_.seconds());
  --asked_left_;
}

}  // namespace oppen::plan
