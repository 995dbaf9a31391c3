#pragma once
// How an alert of each kind begins and ends. Constants, any thread.
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oppen::anomaly {

struct Kind {
  std::string_view name;
  std::chrono::minutes hold;  // it must hold for so long before it fires
  std::chrono::minutes well;  // and be well for so long before it is over
};

// Of a kind that is not known: five minutes each.
Kind kind_of(std::string_view name);
const std::vector<Kind>& all_kinds();

using Labels = std::map<std::string, std::string>;

// Whether an alert that fires says all that the other one would: a fault of the node, or the GPU, tells why it does little.
bool inhibits(std::string_view kind, const Labels& labels, std::string_view other,
              const Labels& other_labels);

// Of the episode: a digest of kind and labels.
std::string fingerprint_of(const std::string& kind, const Labels& labels);

}  // namespace oppen::anomaly
