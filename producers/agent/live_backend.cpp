#include "producers/agent/live_backend.hpp"

#include "producers/access/bus.hpp"

namespace oppen::agent {
namespace {

constexpr std::chrono::seconds job_deadline{30};
constexpr std::chrono::seconds batch_deadline{120};
constexpr auto source = "/oppen/agent";

}  // namespace

Result<Backend::Submitted> LiveBackend::submit(const JobSpec& spec,
                                               std::chrono::seconds for_start) {
  auto bus = access::Bus::connect(endpoints_, source);
  if (!bus) return fail(bus.error());
  if (const auto ready = bus->expect(spec.job_id); !ready) return fail(ready.error());
  if (const auto sent = bus->client().submit(spec); !sent)
    return fail(endpoints_.kafka_error(sent.error()));
  auto answer = bus->answer(spec.job_id, {JobQueued::type, JobRejected::type, JobDuplicate::type},
                            job_deadline, stop_);
  if (!answer) return fail(answer.error());
  Submitted submitted{*std::move(answer), std::nullopt};
  if (submitted.answer.type != JobQueued::type || for_start.count() == 0) return submitted;
  auto then = bus->answer(spec.job_id, {JobStarted::type, JobFailed::type, JobCancelled::type},
                          for_start, stop_);
  if (then) {
    submitted.then = *std::move(then);
  } else if (then.error().kind != ErrorKind::unavailable) {
    return fail(then.error());
  }
  return submitted;
}

Result<CloudEvent> LiveBackend::submit_batch(const BatchSubmit& batch) {
  auto bus = access::Bus::connect(endpoints_, source);
  if (!bus) return fail(bus.error());
  if (const auto ready = bus->expect(batch.batch_id); !ready) return fail(ready.error());
  if (const auto sent = bus->client().submit_batch(batch); !sent)
    return fail(endpoints_.kafka_error(sent.error()));
  return bus->answer(batch.batch_id, {BatchQueued::type, BatchRejected::type, BatchDuplicate::type},
                     batch_deadline, stop_);
}

Result<CloudEvent> LiveBackend::cancel(const JobCancel& cancel) {
  auto bus = access::Bus::connect(endpoints_, source);
  if (!bus) return fail(bus.error());
  if (const auto ready = bus->expect(cancel.job_id); !ready) return fail(ready.error());
  if (const auto sent = bus->client().cancel(cancel); !sent)
    return fail(endpoints_.kafka_error(sent.error()));
  return bus->answer(cancel.job_id, {JobCancelled::type, JobCancelRefused::type}, job_deadline,
                     stop_);
}

Status LiveBackend::propose(const ProposalCreated& proposal) {
  auto bus = access::Bus::connect(endpoints_, source);
  if (!bus) return fail(bus.error());
  const auto sent = bus->client().propose(proposal);
  return sent ? Status() : fail(endpoints_.kafka_error(sent.error()));
}

}  // namespace oppen::agent
