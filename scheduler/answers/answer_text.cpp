#include "scheduler/answers/answer_text.hpp"

namespace oppen::answers {
namespace {

using plan::Reason;

// The fields that the reason's kind has.
void put_reason(JsonObjectText& object, const Reason& reason) {
  using Kind = Reason::Kind;
  append_json(object.member("kind"), to_string(reason.kind));
  append_json(object.member("sentence"), reason.sentence());
  put_text(object, "job", reason.job);
  if (reason.kind == Kind::behind || reason.kind == Kind::depends_on)
    append_json(object.member("count"), reason.count);
  if (reason.kind == Kind::waiting_for_slot) {
    append_json(object.member("slots"), reason.slots);
    append_json(object.member("taken"), reason.taken);
  }
  if (reason.kind == Kind::quota) {
    put_text(object, "quota", reason.quota);
    put_text(object, "resource", reason.resource);
    append_json(object.member("need"), reason.need);
    append_json(object.member("free"), reason.free);
    append_json(object.member("allowed"), reason.allowed);
  }
  put(object, "until", reason.until);
  put_text(object, "budget", reason.budget);
  put_text(object, "because", reason.because);
}

}  // namespace

void put_text(JsonObjectText& object, const char* name, std::string_view text) {
  if (!text.empty()) append_json(object.member(name), text);
}

void put(JsonObjectText& object, const char* name, const std::optional<Time>& time) {
  if (time) append_json(object.member(name), to_rfc3339(*time));
}

void put(JsonObjectText& object, const plan::Expected& expected) {
  put(object, "start_p50", expected.start_p50);
  put(object, "start_p90", expected.start_p90);
  put(object, "end_p50", expected.end_p50);
}

std::string to_text(const Explanation& explanation) {
  const auto& record = explanation.record;
  std::string text;
  JsonObjectText object(text);
  append_json(object.member("job_id"), record.spec.job_id);
  append_json(object.member("state"), to_string(record.state));
  if (explanation.position) append_json(object.member("position"), *explanation.position);
  if (explanation.reason) {
    JsonObjectText reason(object.member("reason"));
    put_reason(reason, *explanation.reason);
    reason.end();
  } else if (!explanation.held.empty()) {
    JsonObjectText reason(object.member("reason"));
    append_json(reason.member("kind"), std::string_view("held"));
    append_json(reason.member("sentence"), "would be launched now, but " + explanation.held);
    reason.end();
  }
  put(object, explanation.expected);
  put(object, "started_at", record.started_at);
  put(object, "ended_at", record.ended_at);
  if (record.failure) put_text(object, "class", to_string(*record.failure));
  put_text(object, "message",
           is_terminal(record.state) && record.message.empty() ? record.reason : record.message);
  append_json(object.member("estimated_duration_seconds"), record.estimated_seconds);
  append_json(object.member("estimated_cost_microusd"), explanation.cost.value);
  put(object, "as_of", std::optional(explanation.as_of));
  put_text(object, "outdated", explanation.outdated);
  object.end();
  return text;
}

std::string error_text(ErrorKind kind, const std::string& message,
                       const std::vector<Fault>& faults) {
  std::string text;
  JsonObjectText object(text);
  JsonObjectText error(object.member("error"));
  append_json(error.member("code"), std::string_view(to_string(kind)));
  append_json(error.member("message"), message);
  if (!faults.empty()) {
    auto& list = error.member("errors");
    for (const auto& fault : faults) {
      list += &fault == &faults.front() ? '[' : ',';
      JsonObjectText one(list);
      append_json(one.member("index"), std::int64_t{fault.index});
      put_text(one, "field", fault.field);
      put_text(one, "value", fault.value);
      append_json(one.member("reason"), fault.reason);
      one.end();
    }
    list += ']';
  }
  error.end();
  object.end();
  return text;
}

}  // namespace oppen::answers
