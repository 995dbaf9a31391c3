#include "producers/mlflow/events.hpp"

#include "schemas/job.hpp"
#include "schemas/parse.hpp"

namespace oppen::mlflow {
namespace {

// An id is the run's, one of these, and of progress what it says.
constexpr std::string_view completed_mark = "/completed";
constexpr std::string_view progress_mark = "/progress/";

KafkaRecord record(std::string id, std::string_view type, Time time, const std::string& job_id,
                   const std::string& run_id, std::string data) {
  const CloudEvent event{
      std::move(id), std::string(event_source), std::string(type), time, job_id, {}};
  return encode(event, job_id.empty() ? run_id : job_id, std::move(data));
}

}  // namespace

KafkaRecord record_of(const RunCompleted& run) {
  return record(run.run_id + std::string(completed_mark), RunCompleted::type, run.ended_at,
                run.job_id, run.run_id, to_text(run));
}

KafkaRecord record_of(const RunProgress& progress) {
  auto data = to_text(progress);
  auto id = progress.run_id + std::string(progress_mark) + short_digest(data);
  return record(std::move(id), RunProgress::type, progress.at, progress.job_id, progress.run_id,
                std::move(data));
}

Published published_in(const KafkaRecord& record) {
  std::string_view id;
  bool ours = false;
  for (const auto& [name, value] : record.headers) {
    if (name == "ce_id") id = value;
    if (name == "ce_source") ours = value == event_source;
  }
  if (!ours) return {};
  if (id.ends_with(completed_mark)) {
    return {Published::Kind::completed,
            std::string(id.substr(0, id.size() - completed_mark.size())), std::string(id)};
  }
  if (const auto mark = id.rfind(progress_mark); mark != std::string_view::npos)
    return {Published::Kind::progress, std::string(id.substr(0, mark)), std::string(id)};
  return {};
}

}  // namespace oppen::mlflow
