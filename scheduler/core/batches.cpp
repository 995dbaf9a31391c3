#include "scheduler/core/batches.hpp"

#include <fmt/format.h>

#include <cmath>

#include "scheduler/core/estimates.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/readable.hpp"
#include "schemas/text.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using queue::Changes;
using JobErrors = std::vector<BatchRejected::JobError>;

constexpr auto parts_deadline = 5min;  // between the first part and the last
constexpr std::size_t stage_chunk_jobs = 250;
constexpr std::size_t max_errors = 1000;  // in one batch.rejected; the rest is counted

std::string part_key(const std::string& batch_id, int part) {
  return fmt::format("batch:{}:part:{}", batch_id, part);
}

// "jobs[3].resources.gpus" -> index 3 (+ first), field "resources.gpus".
BatchRejected::JobError job_error(const FieldError& fault, int first) {
  int index = -1;
  std::string field = fault.path;
  if (std::sscanf(fault.path.c_str(), "jobs[%d]", &index) == 1) {
    const auto close = field.find(']');
    field = close + 2 <= field.size() ? field.substr(close + 2) : "";
    index += first;
  }
  return {index, field, fault.sentence()};
}

// The number of a part that is otherwise wrong; 1 when that can't be read either.
int readable_part(const json& data) {
  const auto part = data.find("part");
  return part != data.end() && part->is_number_integer() && *part > 0 && *part <= 100
             ? part->get<int>()
             : 1;
}

void shorten(JobErrors& errors) {
  if (errors.size() <= max_errors) return;
  const auto more = errors.size() - max_errors;
  errors.resize(max_errors);
  errors.push_back({-1, "", fmt::format("{} more errors are left out", more)});
}

}  // namespace

struct Batches::Header {
  std::string state = "receiving";  // receiving | queued | rejected
  Time first_seen{};
  std::int64_t offset = -1;  // of the last part that came
  int parts = 1;
  std::map<std::string, std::string> received;  // part number -> digest of its data
  std::map<std::string, int> counts;            // part number -> how many jobs it has
  std::string cancelled_by;                     // asked for while it was undecided
  std::optional<MicroUsd> max_total;
  std::vector<std::string> jobs;  // once queued

  bool complete() const { return received.size() == static_cast<std::size_t>(parts); }

  std::string encode() const {
    json data{{"state", state},
              {"first_seen", first_seen.time_since_epoch().count()},
              {"offset", offset},
              {"parts", parts},
              {"received", received},
              {"counts", counts},
              {"cancelled_by", cancelled_by},
              {"jobs", jobs}};
    if (max_total) data["max_total"] = max_total->value;
    return data.dump();
  }

  static Result<Header> decode(const std::string& text) {
    const auto data = json::parse(text, nullptr, false);
    if (!data.is_object()) return fail(ErrorKind::fatal, "a batch record in Redis is broken");
    Header header;
    header.state = data.value("state", "");
    header.first_seen = Time{std::chrono::milliseconds{data.value("first_seen", std::int64_t{0})}};
    header.offset = data.value("offset", std::int64_t{-1});
    header.parts = data.value("parts", 1);
    header.received = data.value("received", header.received);
    header.counts = data.value("counts", header.counts);
    header.cancelled_by = data.value("cancelled_by", "");
    header.jobs = data.value("jobs", header.jobs);
    if (data.contains("max_total"))
      header.max_total = MicroUsd{data["max_total"].get<std::int64_t>()};
    return header;
  }
};

struct Batches::Checked {
  std::string batch_id;
  Header header;
  std::vector<queue::JobRecord> jobs;
  JobErrors errors;
  // Made while staging.
  std::vector<std::int64_t> positions;
  MicroUsd total_cost;

  std::vector<std::string> job_ids() const {
    std::vector<std::string> ids;
    for (const auto& job : jobs) ids.push_back(job.spec.job_id);
    return ids;
  }
};

Batches::Batches(State& state, Attempts& attempts, Attempts::Post post)
    : state_(state), attempts_(attempts), post_(std::move(post)) {}

Batches::~Batches() = default;

Result<std::optional<Batches::Header>> Batches::load(const std::string& batch_id) {
  const auto text = state_.store.value("batch:" + batch_id);
  if (!text) return fail(text.error());
  if (!*text) return std::nullopt;
  return Header::decode(**text).map(
      [](Header header) { return std::optional<Header>(std::move(header)); });
}

Result<std::vector<std::string>> Batches::jobs_of(const std::string& batch_id) {
  return load(batch_id).map([](const std::optional<Header>& header) {
    return header ? header->jobs : std::vector<std::string>();
  });
}

Result<std::optional<std::string>> Batches::receive(const CloudEvent& event, std::int64_t offset) {
  const auto done = [](const Status& status) {
    return status.map([] { return std::optional<std::string>(); });
  };
  const auto now = state_.clock.now();
  const auto part = parse_data<BatchSubmit>(event.data);
  const auto batch_id = part ? part->batch_id : readable_id(event.data, "batch_id");
  if (batch_id.empty()) return std::optional<std::string>(sentences(part.error()));

  const auto loaded = load(batch_id);
  if (!loaded) return fail(loaded.error());
  Changes changes;
  changes.cause(std::string(topics::jobs), offset);
  const auto known = *loaded;
  // Read again after Redis came back older than the log, and answered then.
  if (known && known->state != "receiving" && offset <= known->offset) {
    return done(state_.commit(changes).map([](auto&&) {}));
  }
  const auto payload = event.data.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto digest = short_digest(payload);
  const auto number = std::to_string(part ? part->part : readable_part(event.data));
  const bool seen = known && known->received.contains(number);
  const bool same = part && seen && known->received.at(number) == digest;

  if (known && known->state == "queued") {
    // The first one stands. One answer for the whole: at its last part. What a rebuild knows nothing of is no conflict.
    const bool conflict = !part || (!same && !known->received.empty());
    if (conflict || part->part == part->parts) {
      const BatchDuplicate duplicate{batch_id, known->first_seen, conflict};
      changes.event(answer_entry(batch_id, "duplicate", offset, duplicate, now));
    }
    return done(state_.commit(changes).map([](auto&&) {}));
  }
  if (known && known->state == "receiving" && seen) {
    // The answer that is to come answers this one too, unless it asks for something else.
    if (!same) {
      changes.event(answer_entry(batch_id, "duplicate", offset,
                                 BatchDuplicate{batch_id, known->first_seen, true}, now));
    }
    return done(state_.commit(changes).map([](auto&&) {}));
  }
  // A further part of a batch that was rejected belongs to that rejection; one that comes again, or a first one, begins anew.
  if (known && known->state == "rejected" && !seen && number != "1") {
    auto header = *known;
    header.received[number] = digest;
    header.offset = offset;
    changes.value("batch:" + batch_id, header.encode(), queue::horizon);
    return done(state_.commit(changes).map([](auto&&) {}));
  }

  Header header = known && known->state == "receiving" ? *known : Header{};
  if (header.received.empty()) {
    header.first_seen = now;
    header.parts = part ? part->parts : 1;
    if (part) header.max_total = part->max_total;
  }
  header.received[number] = digest;
  if (part) header.counts[number] = static_cast<int>(part->jobs.size());
  if (!part || part->parts != header.parts) {
    JobErrors errors;
    if (!part) {
      int before = 0;  // jobs in the parts before this one, as far as they are here
      for (int earlier = 1; std::to_string(earlier) != number && earlier < header.parts;
           ++earlier) {
        before += header.counts[std::to_string(earlier)];
      }
      for (const auto& fault : part.error()) errors.push_back(job_error(fault, before));
    } else {
      errors.push_back({-1, "parts",
                        fmt::format("parts is {}: expected {}, as in the part before", part->parts,
                                    header.parts)});
    }
    header.offset = offset;
    return done(reject(batch_id, header, std::move(errors), std::move(changes)));
  }
  if (auto status = state_.store.add_open_batch(batch_id); !status) return fail(status.error());
  changes.value(part_key(batch_id, part->part), payload);
  header.offset = offset;
  changes.value("batch:" + batch_id, header.encode());
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  receiving_[batch_id] = header.first_seen + parts_deadline;
  return done(header.complete() ? begin(batch_id, header) : Status());
}

Status Batches::reject(const std::string& batch_id, Header header, JobErrors errors,
                       Changes changes) {
  shorten(errors);
  header.state = "rejected";
  for (const auto& [number, digest] : header.received)
    changes.erase(part_key(batch_id, std::atoi(number.c_str())));
  const auto now = state_.clock.now();
  const auto cause = std::max(header.offset, std::int64_t{0});
  changes.value("batch:" + batch_id, header.encode(), queue::horizon)
      .event(entry(topics::job_events, batch_id, fmt::format("{}/rejected/{}", batch_id, cause),
                   BatchRejected{batch_id, std::move(errors), cause}, now));
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  receiving_.erase(batch_id);
  return state_.store.drop_open_batch(batch_id);
}

// One batch at a time is checked and staged, in the order of the log: each may hold 10,000 jobs.
Status Batches::begin(const std::string& batch_id, const Header&) {
  receiving_.erase(batch_id);
  complete_.push_back(batch_id);
  return check_next();
}

// Reads the parts of the next batch and hands them to a checking thread.
Status Batches::check_next() {
  if (checking_ || complete_.empty()) return {};
  const auto batch_id = complete_.front();
  complete_.pop_front();
  const auto loaded = load(batch_id);
  if (!loaded) return fail(loaded.error());
  if (!*loaded || (*loaded)->state != "receiving") return check_next();
  const auto header = **loaded;
  std::vector<std::string> parts;
  for (int number = 1; number <= header.parts; ++number) {
    const auto part = state_.store.value(part_key(batch_id, number));
    if (!part) return fail(part.error());
    if (!*part) {
      const auto lost = fmt::format("part {} is lost: submit the batch again", number);
      if (auto status = reject(batch_id, header, {{-1, "part", lost}}, Changes()); !status)
        return status;
      return check_next();
    }
    parts.push_back(**part);
  }
  checking_ = true;
  const AdmissionRules rules{state_.policy, state_.quotas, state_.limits};
  check_ = std::async(
      std::launch::async, [this, post = post_, rules, parts = std::move(parts), batch_id, header] {
        auto checked = std::make_shared<Checked>();
        checked->batch_id = batch_id;
        checked->header = header;
        std::map<std::string, int> first_index;
        int index = 0;
        for (const auto& text : parts) {
          const auto part = parse_data<BatchSubmit>(json::parse(text, nullptr, false));
          if (!part) continue;  // it was checked when it came
          for (const auto& spec : part->jobs) {
            const auto [earlier, fresh] = first_index.emplace(spec.job_id, index);
            if (!fresh) {
              checked->errors.push_back(
                  {index, "job_id",
                   fmt::format("job_id is \"{}\": job {} of the batch has it already", spec.job_id,
                               earlier->second)});
            } else if (auto record = admit(spec, rules)) {
              record->batch_id = batch_id;
              record->place = queue::place_of(header.offset, index);
              checked->jobs.push_back(std::move(*record));
            } else {
              checked->errors.push_back({index, record.error().field, record.error().reason});
            }
            ++index;
          }
        }
        if (index > rules.policy->max_batch_jobs) {
          checked->errors.insert(
              checked->errors.begin(),
              {-1, "jobs",
               fmt::format("the batch has {} jobs: expected at most {} (max_batch_jobs)", index,
                           rules.policy->max_batch_jobs)});
        }
        post([this, checked] { return on_checked(checked); });
      });
  return {};
}

Status Batches::on_checked(const std::shared_ptr<Checked>& checked) {
  if (checked->errors.empty()) return stage_chunk(checked, 0);
  checking_ = false;
  if (auto status = reject(checked->batch_id, checked->header, checked->errors, Changes()); !status)
    return status;
  return check_next();
}

Status Batches::stage_chunk(std::shared_ptr<Checked> checked, std::size_t first) {
  const auto now = state_.clock.now();
  const auto last = std::min(first + stage_chunk_jobs, checked->jobs.size());
  // What of the batch goes before each job: everything of a higher priority, and what stands before
  // it in its own.
  std::int64_t ahead_jobs[3] = {};
  double ahead_seconds[3] = {};
  for (std::size_t i = 0; i < first; ++i) {
    const auto priority = static_cast<std::size_t>(checked->jobs[i].priority);
    ++ahead_jobs[priority];
    ahead_seconds[priority] += checked->jobs[i].estimated_seconds;
  }
  std::int64_t higher_jobs[3] = {};
  double higher_seconds[3] = {};
  for (const auto& job : checked->jobs) {
    for (auto lower = static_cast<std::size_t>(job.priority) + 1; lower < 3; ++lower) {
      ++higher_jobs[lower];
      higher_seconds[lower] += job.estimated_seconds;
    }
  }
  std::vector<queue::StagedJob> staged;
  for (std::size_t i = first; i < last; ++i) {
    auto& record = checked->jobs[i];
    const auto priority = static_cast<std::size_t>(record.priority);
    auto event = attempts_.expectation(record, now, higher_jobs[priority] + ahead_jobs[priority],
                                       higher_seconds[priority] + ahead_seconds[priority]);
    ++ahead_jobs[priority];
    ahead_seconds[priority] += record.estimated_seconds;
    record.state = JobState::queued;
    record.version = 1;
    record.seq = 1;
    record.submitted_at = now;
    record.estimated_cost = event.estimated_cost;
    event.job = record.context();
    event.source_offset = checked->header.offset;
    event.batch_index = static_cast<int>(i);
    event.submitted_hash = record.submitted_hash;
    checked->positions.push_back(event.position);
    checked->total_cost += event.estimated_cost;
    staged.push_back({record, job_entry(event, now)});
  }
  if (auto status = state_.store.stage(checked->batch_id, first == 0, staged); !status)
    return status;
  // The next chunk comes after what else waits: single submissions are not held up by a large
  // batch.
  post_([this, checked, last] {
    return last < checked->jobs.size() ? stage_chunk(checked, last) : publish(checked);
  });
  return {};
}

Status Batches::publish(const std::shared_ptr<Checked>& checked) {
  checking_ = false;
  if (auto status = decide(*checked); !status) return status;
  return check_next();
}

// Queued, or rejected after all.
Status Batches::decide(const Checked& checked) {
  const auto loaded = load(checked.batch_id);
  if (!loaded) return fail(loaded.error());
  auto header = loaded->value_or(checked.header);
  const auto ids = checked.job_ids();
  JobErrors errors;
  if (!header.cancelled_by.empty()) {
    errors.push_back({-1, "", "cancelled by " + header.cancelled_by + " before it was queued"});
  } else if (header.max_total && checked.total_cost > *header.max_total) {
    errors.push_back({-1, "max_total_microusd",
                      fmt::format("the batch is estimated at {}, above its ceiling of {}",
                                  to_string(checked.total_cost), to_string(*header.max_total))});
  } else {
    header.state = "queued";
    header.jobs = ids;
    const BatchQueued event{checked.batch_id, ids, checked.positions, checked.total_cost,
                            header.offset};
    const auto published =
        state_.store.publish_batch(checked.batch_id, header.encode(),
                                   entry(topics::job_events, checked.batch_id,
                                         checked.batch_id + "/queued", event, state_.clock.now()),
                                   header.parts, ids);
    if (!published) return fail(published.error());
    if (*published) {
      state_.counters = (*published)->counters;
      return {};
    }
    std::map<std::string, int> index_of;
    for (std::size_t i = 0; i < ids.size(); ++i) index_of[ids[i]] = static_cast<int>(i);
    for (const auto& id : published->error()) {
      errors.push_back({index_of[id], "job_id",
                        fmt::format("job_id is \"{}\": a job of this id exists already", id)});
    }
  }
  if (auto status = state_.store.discard_stage(checked.batch_id, ids); !status) return status;
  return reject(checked.batch_id, std::move(header), std::move(errors), Changes());
}

Result<bool> Batches::cancel_undecided(const JobCancel& command, std::int64_t offset) {
  auto header = load(command.batch_id);
  if (!header) return fail(header.error());
  if (!*header || (*header)->state != "receiving") return false;
  (*header)->cancelled_by = command.requested_by.empty() ? "its owner" : command.requested_by;
  Changes changes;
  changes.cause(std::string(topics::jobs), offset)
      .value("batch:" + command.batch_id, (*header)->encode());
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  if ((*header)->complete()) return true;  // decide() will see it
  return reject(command.batch_id, **header,
                {{-1, "", "cancelled by " + (*header)->cancelled_by + " before it was queued"}},
                Changes())
      .map([] { return true; });
}

Status Batches::resume() {
  const auto open = state_.store.open_batches();
  if (!open) return fail(open.error());
  for (const auto& batch_id : *open) {
    const auto header = load(batch_id);
    if (!header) return fail(header.error());
    Status status;
    if (!*header || (*header)->state != "receiving") {
      status = state_.store.drop_open_batch(batch_id);
    } else if ((*header)->complete()) {
      status = begin(batch_id, **header);
    } else {
      // Counted from now: the other parts may be in the log already, unread while nobody led.
      receiving_[batch_id] = state_.clock.now() + parts_deadline;
    }
    if (!status) return status;
  }
  return {};
}

Status Batches::tick() {
  const auto now = state_.clock.now();
  std::vector<std::string> late;
  for (const auto& [batch_id, deadline] : receiving_) {
    if (now > deadline) late.push_back(batch_id);
  }
  for (const auto& batch_id : late) {
    const auto header = load(batch_id);
    if (!header) return fail(header.error());
    receiving_.erase(batch_id);
    if (!*header || (*header)->state != "receiving" || (*header)->complete()) continue;
    const auto reason = fmt::format("only {} of {} parts came within 5 minutes",
                                    (*header)->received.size(), (*header)->parts);
    if (auto status = reject(batch_id, **header, {{-1, "parts", reason}}, Changes()); !status)
      return status;
  }
  return {};
}

}  // namespace oppen::core
