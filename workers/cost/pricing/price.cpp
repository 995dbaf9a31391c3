// The price of a run in exact integer arithmetic.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/pricing/pricing.hpp"
#include "workers/cost/pricing/stretches.hpp"

namespace oppen::pricing {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t hour_ms = 3'600'000;
constexpr std::uint64_t one = 1'000'000;  // in millionths
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

// No rate, multiplier or amount is below zero.
std::uint64_t natural(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

// A natural number of 384 bits: wide enough for the product of all factors of a price, whatever
// they are.
class Product {
 public:
  explicit Product(Wide value)
      : limbs_{static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(value >> 64)} {}

  Product& times(std::uint64_t factor) {
    Wide carry = 0;
    for (std::uint64_t& limb : limbs_) {
      carry += Wide{limb} * factor;
      limb = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    return *this;
  }

  Product& plus(const Product& other) {
    Wide carry = 0;
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      carry += Wide{limbs_[i]} + other.limbs_[i];
      limbs_[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    return *this;
  }

  // Rounded down. Dividing by a and then by b is dividing by a x b: floor(floor(n / a) / b) =
  // floor(n / (a x b)).
  Product& over(std::uint64_t divisor) {
    Wide rest = 0;
    for (auto limb = limbs_.rbegin(); limb != limbs_.rend(); ++limb) {
      rest = rest << 64 | *limb;
      *limb = static_cast<std::uint64_t>(rest / divisor);
      rest %= divisor;
    }
    return *this;
  }

  // Half of it, rounded half up; at most a quarter of the largest amount there is, so that the
  // parts can be added up.
  MicroUsd half() const {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max() / 4;
    const bool one_limb =
        std::all_of(limbs_.begin() + 1, limbs_.end(), [](std::uint64_t limb) { return limb == 0; });
    if (!one_limb || limbs_[0] / 2 >= largest) return {largest};
    return {static_cast<std::int64_t>(limbs_[0] / 2 + limbs_[0] % 2)};
  }

 private:
  std::array<std::uint64_t, 6> limbs_;
};

// So many units of something, at so many micro-dollars a unit and hour.
struct Item {
  std::int64_t rate = 0;
  std::int64_t amount = 0;
  std::uint64_t per_unit = 1;  // `amount` counts parts of a unit: so many make one
};

std::uint64_t priority_multiplier(Priority priority, const CostModel& model) {
  switch (priority) {
    case Priority::urgent:
      return natural(model.urgent_multiplier);
    case Priority::background:
      return natural(model.background_multiplier);
    case Priority::normal:
      break;
  }
  return one;
}

Item gpu_item(const Usage& usage, const CostModel& model) {
  const Resources& resources = usage.resources;
  if (resources.gpus <= 0 && !resources.gpu_share) return {model.cpu_only_hourly, 1, 1};
  const auto typed =
      model.gpu_type_hourly.find(usage.gpu_type.empty() ? resources.gpu_type : usage.gpu_type);
  const std::int64_t rate = typed == model.gpu_type_hourly.end() ? model.gpu_hourly : typed->second;
  if (!resources.gpu_share) return {rate, resources.gpus, 1};
  return {rate, std::llround(*resources.gpu_share * static_cast<double>(one)), one};
}

// Time at one set of rates, in milliseconds, each counted by its time-of-day multiplier in millionths.
struct Weighted {
  Wide time = 0;
  const CostModel* model = nullptr;
};

Price price_weighted(const Usage& usage, std::span<const Weighted> parts) {
  const auto cost = [&](const auto& item_of) {
    Product sum(0);
    std::uint64_t per_unit = 1;
    for (const auto& [time, model] : parts) {
      const Item item = item_of(*model);
      per_unit = item.per_unit;  // the same in every model: it follows from what is asked for
      sum.plus(Product(time)
                   .times(natural(item.rate))
                   .times(natural(item.amount))
                   .times(priority_multiplier(usage.priority, *model))
                   .times(usage.spot ? natural(model->spot_multiplier) : one));
    }
    // round(x) = floor((floor(2x) + 1) / 2): twice the amount is rounded down, and half of that is
    // rounded half up.
    return sum.times(2).over(hour_ms * one).over(one * one).over(per_unit).half();
  };
  Price price;
  price.gpu = cost([&](const CostModel& model) { return gpu_item(usage, model); });
  price.cpu = cost([&](const CostModel& model) {
    return Item{model.cpu_core_hourly, usage.resources.cpu_millicores, 1000};
  });
  price.memory = cost([&](const CostModel& model) {
    return Item{model.memory_gib_hourly, usage.resources.memory_bytes, gib};
  });
  price.total = price.gpu + price.cpu + price.memory;
  return price;
}

}  // namespace

Price price(const Usage& usage, std::span<const Stretch> stretches) {
  std::vector<Weighted> parts;
  for (const auto& [start, end, model] : stretches) {
    if (end <= start) continue;
    const std::int64_t off_peak = off_peak_within(start, end, *model).count();
    const std::int64_t peak = (end - start).count() - off_peak;
    parts.push_back(
        {Wide{natural(peak)} * one + Wide{natural(off_peak)} * natural(model->off_peak_multiplier),
         model});
  }
  return price_weighted(usage, parts);
}

Price price(const Usage& usage, Time start, Time end, const CostModel& model) {
  const Stretch whole[] = {{start, end, &model}};
  return price(usage, whole);
}

MicroUsd hourly(const Usage& usage, Time at, const CostModel& model) {
  const std::uint64_t multiplier =
      is_off_peak(at, model) ? natural(model.off_peak_multiplier) : one;
  const Weighted hour[] = {{Wide{hour_ms} * multiplier, &model}};
  return price_weighted(usage, hour).total;
}

}  // namespace oppen::pricing
