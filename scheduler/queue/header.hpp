#pragma once
// The first line of a job's record in Redis (record.hpp): what the Lua scripts and those who only pass by need of it, without the
// JSON behind. Plain values and pure functions, any thread.
//
//   <state> <version> <seq> <priority> <attempt> <place> <gpus> <cpu> <memory> <cost> <milliseconds> <hold>
//   <not before, ms> <spread> <doubt> <limit, s> <user>
//
// State, priority and hold are letters; the state stands first, so that a script can read it alone. lib.lua reads the same line.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/plan/amounts.hpp"
#include "schemas/job.hpp"
#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen::queue {

// What keeps a queued job from its turn. It decides in which sorted set the job waits (lib.lua).
enum class Hold {
  none,        // -  launched as soon as it is the first and fits
  window,      // w  only while the off-peak window is open
  retry,       // t  until not_before
  dependency,  // d  until every job of spec.after has succeeded
  budget,      // b  until the budgets it counts towards have room, or it is approved
};
// a and o: none and window, of a job that keeps room in the budgets (JobRecord::reserved).

char letter(Hold hold);
char letter(JobState state);

struct Header {
  JobState state = JobState::queued;
  std::int64_t version = 0;
  std::int64_t seq = 0;
  Priority priority = Priority::normal;
  int attempt = 0;
  std::int64_t place = 0;
  plan::Amounts amounts;
  MicroUsd cost;
  std::int64_t milliseconds = 0;  // that a run is estimated at
  Hold hold = Hold::none;
  bool reserved = false;
  Time not_before{};
  int spread_permille = 0;
  int doubt_permille = 0;
  std::int64_t limit_seconds = 0;  // 0: unbounded
  std::string user;                // a label value, or ""
};

// The user as the scripts have it: a word, also where there is none.
std::string user_word(const std::string& user);
std::string user_of(std::string_view word);
// Team and project, as words in the same way: by these the scripts sum what is committed.
std::string pair_of(const std::string& team, const std::string& project);

// With the newline that ends it.
std::string to_line(const Header& header);
// Of the line, with or without what follows its newline. nullopt: it is no such line.
std::optional<Header> read_header(std::string_view text);

}  // namespace oppen::queue
