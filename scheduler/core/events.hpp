#pragma once
// Job events as outbox entries. The id is made of the cause, so that the same cause gives the same
// id. Pure.
#include <string>
#include <string_view>

#include "scheduler/queue/outbox_entry.hpp"
#include "scheduler/queue/record.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::core {

template <class Event>
queue::OutboxEntry entry(std::string_view topic, std::string key, std::string id,
                         const Event& event, Time now) {
  return {std::string(topic), std::move(key), std::string(Event::type), std::move(id), now,
          to_text(event)};
}

// An event of a job's life: "<job>/<seq>".
template <class Event>
queue::OutboxEntry job_entry(const Event& event, Time now) {
  const auto& job = event.job;
  return entry(topics::job_events, job.job_id, job.job_id + "/" + std::to_string(job.seq), event,
               now);
}

// An answer that is no step of the job's life: "<id>/<what>/<offset of the command>".
template <class Event>
queue::OutboxEntry answer_entry(const std::string& key, const char* what, std::int64_t offset,
                                const Event& event, Time now) {
  return entry(topics::job_events, key, key + "/" + what + "/" + std::to_string(offset), event,
               now);
}

}  // namespace oppen::core
