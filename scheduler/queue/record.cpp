#include "scheduler/queue/record.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "scheduler/kube/pod_manifest.hpp"
#include "scheduler/queue/keys.hpp"
#include "schemas/commands.hpp"
#include "schemas/json_text.hpp"
#include "schemas/parse.hpp"

namespace oppen::queue {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<JobState, char>, 8> state_letters{{{JobState::queued, 'q'},
                                                                  {JobState::launching, 'l'},
                                                                  {JobState::running, 'r'},
                                                                  {JobState::cancelling, 'x'},
                                                                  {JobState::succeeded, 's'},
                                                                  {JobState::failed, 'f'},
                                                                  {JobState::cancelled, 'c'},
                                                                  {JobState::rejected, 'j'}}};

constexpr std::array<std::pair<Hold, char>, 4> hold_letters{
    {{Hold::none, '-'}, {Hold::window, 'w'}, {Hold::retry, 't'}, {Hold::dependency, 'd'}}};

std::int64_t milliseconds_of(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t milliseconds) { return Time{std::chrono::milliseconds{milliseconds}}; }

// Reads the header's numbers one after the other.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}
  std::string_view word() {
    const auto end = rest_.find(' ');
    const auto word = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return word;
  }
  std::int64_t number() {
    const auto text = word();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    ok_ = ok_ && error == std::errc{} && end == text.data() + text.size();
    return value;
  }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

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

char letter(Hold hold) {
  for (const auto& [known, name] : hold_letters) {
    if (known == hold) return name;
  }
  return '?';
}

std::string waiting_set(const JobRecord& record) {
  std::string set = waiting_sets[static_cast<std::size_t>(record.hold)];
  return set += letter(record.priority);
}

std::string encode(const JobRecord& record) {
  char state_letter = '?';
  for (const auto& [state, name] : state_letters) {
    if (state == record.state) state_letter = name;
  }
  const auto amounts = record.amounts();
  auto text =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", state_letter, record.version,
                  record.seq, letter(record.priority), record.attempt, record.place, amounts.gpus,
                  amounts.cpu_millicores, amounts.memory_bytes, record.estimated_cost.value,
                  std::llround(record.estimated_seconds * 1000), letter(record.hold),
                  milliseconds_of(record.not_before), record.spread_permille, record.doubt_permille,
                  record.spec.max_runtime_seconds.value_or(0));
  JsonObjectText detail(text);
  append_spec(detail.member("spec"), record.spec);
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
  JobRecord record;
  HeaderReader header(text.substr(0, newline));
  const auto state_word = header.word();
  bool known = false;
  for (const auto& [state, name] : state_letters) {
    if (state_word == std::string_view(&name, 1)) {
      record.state = state;
      known = true;
    }
  }
  if (!known) return broken("unknown state");
  record.version = header.number();
  record.seq = header.number();
  const auto priority_word = header.word();
  record.priority = priority_word == "u"   ? Priority::urgent
                    : priority_word == "b" ? Priority::background
                                           : Priority::normal;
  record.attempt = static_cast<int>(header.number());
  record.place = header.number();
  header.number();  // gpus, cpu, memory: for the scripts; the spec says them too
  header.number();
  header.number();
  record.estimated_cost.value = header.number();
  record.estimated_seconds = static_cast<double>(header.number()) / 1000;
  const auto hold_word = header.word();
  for (const auto& [hold, name] : hold_letters) {
    if (hold_word == std::string_view(&name, 1)) record.hold = hold;
  }
  record.not_before = time_of(header.number());
  record.spread_permille = static_cast<int>(header.number());
  record.doubt_permille = static_cast<int>(header.number());
  header.number();  // the limit, which the spec says, too
  if (!header.ok()) return broken("a header field is not a number");

  const json detail = json::parse(text.substr(newline + 1), nullptr, false);
  if (!detail.is_object() || !detail.contains("spec")) return broken("the detail is not JSON");
  json spec = detail["spec"];
  spec["job_id"] = job_id;
  auto parsed = parse_data<JobSubmit>(spec);
  if (!parsed) return broken(sentences(parsed.error()));
  record.spec = std::move(parsed->spec);
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
