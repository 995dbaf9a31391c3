#include "producers/agent/live_backend.hpp"

namespace oppen::agent {
namespace {

constexpr std::chrono::seconds job_deadline{30};
constexpr std::chrono::seconds batch_deadline{120};
constexpr auto source = "/oppen/agent";

}  // namespace

Result<access::Bus> LiveBackend::bus_for(const std::string& id) const {
  auto bus = access::Bus::connect(endpoints_, source);
  if (!bus) return bus;
  if (const auto ready = bus->expect(id); !ready) return fail(ready.error());
  if (const auto may = may_send(); !may) return fail(may.error());
  return bus;
}

Result<Backend::Submitted> LiveBackend::do_submit(const JobSpec& spec,
                                                  std::chrono::seconds for_start) {
  auto bus = bus_for(spec.job_id);
  if (!bus) return fail(bus.error());
  if (const auto sent = bus->client().submit(spec); !sent)
    return fail(endpoints_.kafka_error(sent.error()));
  auto answer = bus->answer(spec.job_id, {JobQueued::type, JobRejected::type, JobDuplicate::type},
                            job_deadline, stop());
  if (!answer) return fail(answer.error());
  Submitted submitted{*std::move(answer), std::nullopt};
  if (submitted.answer.type != JobQueued::type || for_start.count() == 0) return submitted;
  std::stop_source no_longer;
  const auto end = [&no_longer] { no_longer.request_stop(); };
  const std::stop_callback when_stopped(stop(), end);
  const std::stop_callback when_hurried(hurry(), end);
  auto then = bus->answer(spec.job_id, {JobStarted::type, JobFailed::type, JobCancelled::type},
                          for_start, no_longer.get_token());
  if (then) {
    submitted.then = *std::move(then);
  } else if (then.error().kind != ErrorKind::unavailable) {
    return fail(then.error());
  }
  return submitted;
}

Result<CloudEvent> LiveBackend::do_submit_batch(const BatchSubmit& batch) {
  auto bus = bus_for(batch.batch_id);
  if (!bus) return fail(bus.error());
  if (const auto sent = bus->client().submit_batch(batch); !sent)
    return fail(endpoints_.kafka_error(sent.error()));
  return bus->answer(batch.batch_id, {BatchQueued::type, BatchRejected::type, BatchDuplicate::type},
                     batch_deadline, stop());
}

Result<CloudEvent> LiveBackend::do_cancel(const JobCancel& cancel) {
  auto bus = bus_for(cancel.job_id);
  if (!bus) return fail(bus.error());
  if (const auto sent = bus->client().cancel(cancel); !sent)
    return fail(endpoints_.kafka_error(sent.error()));
  return bus->answer(cancel.job_id, {JobCancelled::type, JobCancelRefused::type}, job_deadline,
                     stop());
}

Status LiveBackend::do_propose(const ProposalCreated& proposal) {
  auto bus = access::Bus::connect(endpoints_, source);
  if (!bus) return fail(bus.error());
  if (auto may = may_send(); !may) return may;
  const auto sent = bus->client().propose(proposal);
  return sent ? Status() : fail(endpoints_.kafka_error(sent.error()));
}

}  // namespace oppen::agent
