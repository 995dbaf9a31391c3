#pragma once
// The overrides of policies in force: of each key the one that was said last. A plain value.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "schemas/control.hpp"
#include "schemas/error.hpp"

namespace oppen::core {

// Of all together, as bytes() counts them: policy.changed carries them whole, and a record of `control` is at most 1 MB.
inline constexpr std::size_t max_override_bytes = 100'000;

class Overrides {
 public:
  using ConfigMap = std::map<std::string, std::string>;
  using IsKey = std::function<bool(const std::string& key)>;

  // As Redis keeps them. Errors: fatal.
  static Result<Overrides> parse(const std::string& text);
  std::string text() const;

  // Takes the place of an earlier one of the same key.
  void put(PolicyOverride change);
  // Drops those whose time is over; whether there were any.
  bool end(Time now);
  // Drops those that do not fit any more: each stays that `fits` together with those that were there before it.
  void keep_fitting(const std::function<bool(const Overrides&)>& fits);

  // `data` with those laid over it whose key `is_key` takes.
  ConfigMap over(ConfigMap data, const IsKey& is_key) const;
  const PolicyOverride* find(const std::string& key) const;  // nullptr: none
  const std::vector<PolicyOverride>& all() const { return all_; }
  std::size_t bytes() const;

 private:
  std::vector<PolicyOverride> all_;  // by when their keys were overridden first
};

}  // namespace oppen::core
