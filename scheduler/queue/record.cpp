#include "scheduler/queue/record.hpp"

#include <fmt/format.h>

#include <cmath>

#include "scheduler/kube/pod_manifest.hpp"
#include "scheduler/queue/keys.hpp"
#include "schemas/commands.hpp"
#include "schemas/json_text.hpp"
#include "schemas/parse.hpp"

namespace oppen::queue {
namespace {

using nlohmann::json;

std::int64_t milliseconds_of(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t milliseconds) { return Time{std::chrono::milliseconds{milliseconds}}; }

Header header_of(const JobRecord& record) {
  return {record.state,
          record.version,
          record.seq,
          record.priority,
          record.attempt,
          record.place,
          record.amounts(),
          record.estimated_cost,
          std::llround(record.estimated_seconds * 1000),
          record.hold,
          record.reserved,
          record.not_before,
          record.spread_permille,
          record.doubt_permille,
          record.spec.max_runtime_seconds.value_or(0),
          record.spec.user};
}

// The detail leaves out what has its default value: a million queued jobs pay for each byte.
void put(JsonObjectText& detail, const char* key, std::string_view value) {
  if (!value.empty()) append_json(detail.member(key), value);
}
void put(JsonObjectText& detail, const char* key, const std::optional<Time>& value) {
  if (value) append_json(detail.member(key), milliseconds_of(*value));
}

// The spec without the job's id, which stands in the key.
void append_spec(std::string& out, const JobSpec& spec) {
  const auto text = to_text(spec);
  const auto id_member = fmt::format("\"job_id\":\"{}\",", spec.job_id);
  const auto begin = text.compare(1, id_member.size(), id_member) == 0 ? 1 + id_member.size() : 1;
  out += '{';
  out.append(text, begin);
}

std::optional<Time> optional_time(const json& detail, const char* key) {
  const auto found = detail.find(key);
  return found == detail.end() ? std::nullopt
                               : std::optional<Time>(time_of(found->get<std::int64_t>()));
}

}  // namespace

Resources JobRecord::resources() const { return plan::resources_of(spec); }
plan::Amounts JobRecord::amounts() const { return plan::amounts_of(resources()); }
std::string JobRecord::pod_name() const { return kube::pod_name(spec.job_id, attempt); }

JobContext JobRecord::context() const {
  JobContext context;
  context.job_id = spec.job_id;
  context.seq = seq;
  context.attempt = attempt;
  context.state = state;
  context.name = spec.name;
  context.model_type = spec.model_type;
  context.workload_type = spec.workload_type;
  context.priority = priority;
  context.team = spec.team;
  context.project = spec.project;
  context.user = spec.user;
  context.batch_id = batch_id;
  context.resources = resources();
  context.spot = spec.spot;
  context.epochs = spec.epochs.value_or(0);
  context.batch_size = spec.batch_size.value_or(0);
  return context;
}

std::int64_t place_of(std::int64_t source_offset, int index_in_batch) {
  return source_offset * 16'384 + index_in_batch;
}
std::int64_t offset_of(std::int64_t place) { return place / 16'384; }
int index_of(std::int64_t place) { return static_cast<int>(place % 16'384); }

bool is_live(JobState state) {
  return state == JobState::launching || state == JobState::running ||
         state == JobState::cancelling;
}

std::string waiting_set(const JobRecord& record) {
  std::string set = waiting_sets[static_cast<std::size_t>(record.hold)];
  return set += letter(record.priority);
}

std::string encode(const JobRecord& record) {
  auto text = to_line(header_of(record));
  JsonObjectText detail(text);
  append_spec(detail.member("spec"), record.spec);
  if (record.own_limit) append_json(detail.member("own_limit"), true);
  put(detail, "hash", record.submitted_hash);
  put(detail, "batch", record.batch_id);
  append_json(detail.member("submitted"), milliseconds_of(record.submitted_at));
  if (record.expected_wait_seconds != 0)
    append_json(detail.member("wait"), record.expected_wait_seconds);
  put(detail, "uid", record.pod_uid);
  if (record.launched) append_json(detail.member("launched"), true);
  if (record.amended_offset >= 0) append_json(detail.member("amended"), record.amended_offset);
  if (record.faults != 0) append_json(detail.member("faults"), std::int64_t{record.faults});
  if (!record.avoid.empty()) detail.member("avoid") += json(record.avoid).dump();
  if (record.launching_at != Time{})
    append_json(detail.member("launching"), milliseconds_of(record.launching_at));
  put(detail, "node", record.node);
  put(detail, "gpu", record.gpu_type);
  put(detail, "started", record.started_at);
  put(detail, "ended", record.ended_at);
  put(detail, "approved", record.approved_by);
  put(detail, "proposed", record.proposed);
  if (record.control_from >= 0) append_json(detail.member("control"), record.control_from);
  put(detail, "by", record.requested_by);
  put(detail, "reason", record.reason);
  if (record.cancelled_from != JobState::queued)
    put(detail, "was", to_string(record.cancelled_from));
  put(detail, "give_up", record.give_up);
  if (record.failure) put(detail, "class", to_string(*record.failure));
  if (record.exit_code) append_json(detail.member("exit"), std::int64_t{*record.exit_code});
  put(detail, "message", record.message);
  if (!record.metrics.is_null())
    detail.member("metrics") += record.metrics.dump(-1, ' ', false, json::error_handler_t::replace);
  detail.end();
  return text;
}

Result<JobRecord> decode(std::string_view job_id, std::string_view text) {
  const auto broken = [&](std::string_view what) {
    return fail(ErrorKind::fatal,
                fmt::format("the record of job {} in Redis is broken: {}", job_id, what));
  };
  const auto newline = text.find('\n');
  if (newline == std::string_view::npos) return broken("no header line");
  const auto header = read_header(text.substr(0, newline));
  if (!header) return broken("its header line can't be read");
  JobRecord record;
  record.state = header->state;
  record.version = header->version;
  record.seq = header->seq;
  record.priority = header->priority;
  record.attempt = header->attempt;
  record.place = header->place;
  record.estimated_cost = header->cost;
  record.estimated_seconds = static_cast<double>(header->milliseconds) / 1000;
  record.hold = header->hold;
  record.reserved = header->reserved;
  record.not_before = header->not_before;
  record.spread_permille = header->spread_permille;
  record.doubt_permille = header->doubt_permille;

  const json detail = json::parse(text.substr(newline + 1), nullptr, false);
  if (!detail.is_object() || !detail.contains("spec")) return broken("the detail is not JSON");
  json spec = detail["spec"];
  spec["job_id"] = job_id;
  auto parsed = parse_data<JobSubmit>(spec);
  if (!parsed) return broken(sentences(parsed.error()));
  record.spec = std::move(parsed->spec);
  record.own_limit = detail.value("own_limit", false);
  record.submitted_hash = detail.value("hash", "");
  record.batch_id = detail.value("batch", "");
  record.submitted_at = time_of(detail.value("submitted", std::int64_t{0}));
  record.expected_wait_seconds = detail.value("wait", std::int64_t{0});
  record.pod_uid = detail.value("uid", "");
  record.launched = detail.value("launched", false);
  record.amended_offset = detail.value("amended", std::int64_t{-1});
  record.faults = detail.value("faults", 0);
  record.avoid = detail.value("avoid", std::vector<std::string>());
  record.launching_at = time_of(detail.value("launching", std::int64_t{0}));
  record.node = detail.value("node", "");
  record.gpu_type = detail.value("gpu", "");
  record.started_at = optional_time(detail, "started");
  record.ended_at = optional_time(detail, "ended");
  record.approved_by = detail.value("approved", "");
  record.control_from = detail.value("control", std::int64_t{-1});
  record.proposed = detail.value("proposed", "");
  record.requested_by = detail.value("by", "");
  record.reason = detail.value("reason", "");
  record.cancelled_from = parse_job_state(detail.value("was", "queued")).value_or(JobState::queued);
  record.give_up = detail.value("give_up", "");
  if (detail.contains("class"))
    record.failure = parse_failure_class(detail["class"].get<std::string>());
  if (detail.contains("exit")) record.exit_code = detail["exit"].get<int>();
  record.message = detail.value("message", "");
  record.metrics = detail.value("metrics", json());
  return record;
}

}  // namespace oppen::queue
