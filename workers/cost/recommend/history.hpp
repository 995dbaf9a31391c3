#pragma once
// What the runs of a model type show. Pure, any thread.
#include <functional>
#include <optional>
#include <vector>

#include "workers/cost/recommend/advice.hpp"
#include "workers/cost/recommend/subject.hpp"

namespace oppen::cost {

// So many past runs stand against a prior: the median of three is not moved by one that went wrong.
inline constexpr std::size_t enough_runs = 3;
// So many are good for high confidence: the quartiles have runs on both sides of them.
inline constexpr std::size_t many_runs = 10;

// low below enough_runs, high from many_runs on.
Confidence confidence_of(std::size_t runs);

// Below zero: 0. In percent.
double saving_percent(double now, double instead);

// Seconds of an epoch: the median of those that were told, else the time of the run by its epochs. None without epochs.
std::optional<double> epoch_seconds(const RunRecord& run);
// 0 to 1, however it was told: above 1 it was percent.
std::optional<double> accuracy(const RunRecord& run);
std::optional<double> number(const RunRecord& run, const char* metric);

// Runs of the history that succeeded, without the subject's, of the same kind of work.
std::vector<const RunRecord*> past_runs(const Subject& subject,
                                        const std::function<bool(const RunRecord&)>& like);
bool same_hardware(const RunRecord& a, const RunRecord& b);  // GPU type and how much of it
std::vector<double> values(const std::vector<const RunRecord*>& runs,
                           const std::function<std::optional<double>(const RunRecord&)>& of);
// From 0 to 1; `sorted_or_not` is not empty. Linear between the samples.
double quantile(std::vector<double> sorted_or_not, double at);
double median(std::vector<double> sorted_or_not);

// Held at least a part of a GPU.
bool has_gpu(const RunRecord& run);
// Telemetry tells of at least half of the run.
bool is_measured(const RunRecord& run);

}  // namespace oppen::cost
