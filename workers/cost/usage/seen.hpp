#pragma once
// Remembers the latest samples of one device or pod, so that each counts once. Plain value.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "schemas/time.hpp"

namespace oppen::cost {

// Of a GPU's UUID, or a pod's name. The same in every process: MurmurHash64A (Austin Appleby), seed 0.
std::uint64_t key_of_device(std::string_view name);

class Seen {
 public:
  // At an interval of 10 s: so a sample may be 2 minutes and a half behind later ones and still count.
  static constexpr std::size_t most = 16;
  enum class Verdict { fresh, repeated, late };

  explicit Seen(std::uint64_t device) : device_(device) {}

  std::uint64_t device() const { return device_; }
  // late: older than all of the latest 16, so that nobody knows whether it has counted. It is not counted then: what
  // telemetry tells may be too little, never too much.
  Verdict see(Time sampled_at);
  // The latest first.
  std::span<const Time> times() const { return {times_.data(), count_}; }

 private:
  std::uint64_t device_;
  std::size_t count_ = 0;
  std::array<Time, most> times_{};
};

}  // namespace oppen::cost
