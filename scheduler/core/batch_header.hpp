#pragma once
// What Redis holds of a batch. Plain values and pure functions.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen::core {

struct BatchHeader {
  std::string state = "receiving";  // receiving | queued | rejected
  Time first_seen{};
  std::int64_t offset = -1;    // of the last part that came
  std::int64_t repeated = -1;  // of the last one that came again while it was undecided
  int parts = 1;
  std::map<std::string, std::string> received;  // part number -> digest of its data
  std::map<std::string, int> counts;            // part number -> how many jobs it has
  std::string cancelled_by;                     // asked for while it was undecided
  std::optional<MicroUsd> max_total;
  int begun = 0;                  // by how many processes that did not finish it
  std::string begun_by;           // the last of them
  std::vector<std::string> jobs;  // once queued

  bool complete() const { return received.size() == static_cast<std::size_t>(parts); }

  std::string encode() const;
  static Result<BatchHeader> decode(
      const std::string& text);  // fatal when it is not what encode wrote
};

// The key of a part that waits for the others.
std::string part_key(const std::string& batch_id, int part);

}  // namespace oppen::core
