#pragma once
// What telemetry says of one attempt, and what that makes of its cost. No clock, no I/O; one thread.
//
// Each (GPU, sampled_at) counts once, each (pod, sampled_at) too, whatever comes twice, late or in another order, as far as Seen
// can tell: among the latest 16 of each GPU. Older ones are not counted. So measured() is the same for every order in which no
// sample comes after 16 later ones of its GPU.
//
// Money is never made of samples. They only divide what the ledger has charged:
//
//   measured  = the sum over the samples of   GPU time x price of that GPU's time,  at most what was charged for GPUs
//   effective = the same, times each sample's utilisation
//
// where the GPU time of a sample is its interval times the share of the device, and the price is that with which settle() is
// called: a sample that is settled with a charge of other rates than its own is off by that change (the worker settles with
// every charge, so of some 30 s). What was charged less what was measured is cost of which telemetry tells
// nothing; measured less effective was wasted.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/error.hpp"
#include "workers/cost/usage/measured.hpp"
#include "workers/cost/usage/seen.hpp"

namespace oppen::cost {

// Micro-dollars, to be added to Spent. Negative when a correction took back what they were a part of.
struct Effective {
  std::int64_t measured_microusd = 0;
  std::int64_t effective_microusd = 0;
  bool operator==(const Effective&) const = default;
};

class Usage {
 public:
  static constexpr std::size_t most_devices = 128;  // and pods; a job has at most 64 GPUs
  enum class Outcome {
    counted,
    repeated,
    late,  // behind all that Seen remembers
    absurd,  // within the schema, but no machine is like that: an hour's mean, 4,096 cores, a petabyte
    too_many,  // of a GPU beyond most_devices
    no_room,   // of an attempt beyond those that a UsageBook holds
  };

  Outcome add(const GpuReading& reading);
  Outcome add(const PodReading& reading);
  const Measured& measured() const { return measured_; }
  Time latest() const { return latest_; }  // sample that counted

  // What has become known since the last call. `gpu_hourly_microusd`: what one whole GPU costs this attempt an hour, with all
  // multipliers; `charged_microusd`: what has been charged for GPUs until now, from the attempt's start on. All that was
  // returned adds up to min(measured, charged), and to the effective part of it.
  Effective settle(std::int64_t gpu_hourly_microusd, std::int64_t charged_microusd);

  // Whether anything has changed since the last call, or since it was made.
  bool take_changed() { return std::exchange(changed_, false); }

  // As short text, and back. Fatal when malformed.
  std::string encode() const;
  static Result<Usage> decode(std::string_view text);

 private:
  Outcome see(std::uint64_t device, Time sampled_at);

  Measured measured_;
  std::vector<Seen> seen_;
  Time latest_{};
  bool changed_ = false;
  // Of measured_, what settle() has priced already.
  std::int64_t settled_ms_ = 0;
  std::int64_t settled_busy_ = 0;
  // Its price, in thousandths of a micro-dollar, so that what is cut off does not add up.
  std::int64_t measured_nanousd_ = 0;
  std::int64_t effective_nanousd_ = 0;
  Effective told_;  // the sum of what settle() returned
};

}  // namespace oppen::cost
