#pragma once
// A run as it is stored: its record, and what it takes to bring that up to date once and no more. Plain values; pure functions.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/error.hpp"
#include "workers/cost/books/records.hpp"

namespace oppen::cost {

inline constexpr std::size_t most_epoch_seconds = 1'000;
inline constexpr auto keep_runs = std::chrono::days(90);
inline constexpr auto keep_days = std::chrono::days(400);

struct Run {
  RunRecord record;        // but for epoch_seconds, which are a list of their own, and run_seconds
  std::int64_t seq = 0;    // of the job event of which its state is
  int epochs_attempt = 0;  // whose epochs the record tells of
  std::optional<int> reported;    // the attempt whose run.completed has been counted
  bool tells_epochs = false;      // there is a list of epoch_seconds
  bool tells_accuracies = false;  // there is a list of the accuracy of epochs
  bool advice_due =
      false;  // it has come onto the list of those of which it is to be published what could be saved
  std::optional<std::chrono::sys_days> listed;  // the last day on whose list of runs it stands

  // What goes to these lists with the next change, and whether in the place of what is there. Not stored.
  std::vector<double> new_epoch_seconds;
  bool epochs_anew = false;
  std::vector<double> new_accuracies;
  bool accuracies_anew = false;

  // When it is forgotten; nullopt: no time is known of it yet.
  std::optional<Time> keep_until() const;
  // Whether anything is known of it but amounts.
  bool known() const { return !record.model_type.empty(); }
};

// What a run is known by in the ledger and in Redis: its job id, else ":" and its run id, which can be no job id.
std::string run_key(const std::string& job_id, const std::string& run_id);

// As MessagePack, and back. Without the job id, which `key` tells, as run_key makes
// it. `attempts`: JSON that is kept with it, "" for none. Fatal when malformed.
std::string encode_run(const Run& run, std::string_view attempts = {});
Result<Run> decode_run(const std::string& key, std::string_view text,
                       std::string* attempts = nullptr);

// Runs stand on the list of a day in slices of 5 minutes by when they began: from 1; 0 holds those that began before. Redis keeps a
// short list in a third of the room of a long one.
int day_slice(std::chrono::sys_days day, Time started);
// Which of 16,384 parts of all names this one is in, for the same reason.
int name_part(const std::string& name);

}  // namespace oppen::cost
