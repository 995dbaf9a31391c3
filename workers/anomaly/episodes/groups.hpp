#pragma once
// Many things with the same trouble at once are one alert: pods of a team (of a node, where they have no team), GPUs of a node, nodes. Those
// that are critical are many by themselves, so that none is lost among what is less grave. Pure; one thread.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/anomaly/episodes/episode.hpp"
#include "workers/anomaly/episodes/kinds.hpp"
#include "workers/anomaly/finding.hpp"

namespace oppen::anomaly {

inline constexpr std::size_t group_begins = 5;  // things
inline constexpr std::size_t group_lasts = 3;   // until there are fewer

// The labels of the alert that would stand for many such ones; nullopt: of this kind each is told. {"group": "pods", "team": "vision"}
std::optional<Labels> group_of(const Episode& one);
bool is_group(const Labels& labels);

// What is to be said of the members, of which the gravest and worst speaks for all; `holds`: there are enough of them.
Finding group_finding(const std::string& kind, const Labels& group,
                      std::vector<const Episode*> members, bool holds);

}  // namespace oppen::anomaly
