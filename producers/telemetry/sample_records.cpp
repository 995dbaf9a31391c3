#include "producers/telemetry/sample_records.hpp"

#include "schemas/parse.hpp"

namespace oppen::telemetry {
namespace {

template <class Sample>
KafkaRecord record(const Sample& sample, std::string id, const std::string& key_without_job) {
  CloudEvent event;
  event.id = std::move(id);
  event.source = "/oppen/telemetry";
  event.type = Sample::type;
  event.time = sample.sampled_at;
  event.subject = sample.job_id;
  return encode(event, sample.job_id.empty() ? key_without_job : sample.job_id, to_text(sample));
}

}  // namespace

KafkaRecord record_of(const GpuSample& sample) {
  return record(sample,
                "gpu/" + sample.node + "/" + sample.gpu_uuid + "/" + sample.pod_namespace + "/" +
                    sample.pod + "/" + to_rfc3339(sample.sampled_at),
                sample.gpu_uuid);
}

KafkaRecord record_of(const PodSample& sample) {
  return record(sample,
                "pod/" + sample.node + "/" + sample.pod_namespace + "/" + sample.pod + "/" +
                    to_rfc3339(sample.sampled_at),
                sample.pod);
}

}  // namespace oppen::telemetry
