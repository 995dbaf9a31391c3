#pragma once
// The description of a job spec, which stands in commands and, resolved, in job.queued. Internal to
// this folder.
#include "schemas/describe.hpp"
#include "schemas/job.hpp"
#include "schemas/text.hpp"

namespace oppen {

namespace forms {

inline constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
inline constexpr Cpu cpu_request{1, 1'024'000};
inline constexpr Memory memory_request{mebibyte, 64 * mebibyte* mebibyte};
inline constexpr Real share{0, 1, true};
inline constexpr auto window = one_of("any", "off_peak");
inline constexpr auto workload_type = one_of("training", "inference", "batch");
inline constexpr Whole epochs = between(1, 1'000'000);
inline constexpr Whole batch_size = between(1, 1'000'000);

inline bool is_image(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
  }
  return true;
}
inline bool is_user_label_key(std::string_view key) {
  return is_label_key(key) && !is_reserved_label_key(key);
}
inline bool is_user_env_name(std::string_view name) {
  return is_env_name(name) && !name.starts_with("OPPEN_");
}

inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
inline constexpr Text name{200};
inline constexpr Text image{512, is_image, "an image of at most 512 characters without spaces"};
inline constexpr Text argument{4096};
inline constexpr Text secret_name{
    253, is_dns_subdomain, "the name of a Secret (a DNS subdomain of at most 253 characters)"};
inline constexpr Text env_name{
    no_limit, is_user_env_name,
    "an environment variable's name ([A-Za-z_][A-Za-z0-9_]*) that does not begin with OPPEN_"};
inline constexpr Text env_value{32768, nullptr,
                                "UTF-8 text without NUL of at most 32768 characters", true};
inline constexpr Text label_key{
    no_limit, is_user_label_key,
    "a Kubernetes label key, not below oppen.dev/, kubernetes.io/ or k8s.io/"};

}  // namespace forms

template <class V>
void describe(V& v, JobSpec::ResourceRequest& e) {
  v.optional("gpus", e.gpus, forms::between(0, 64));
  v.optional("gpu_share", e.gpu_share, forms::share);
  v.optional("gpu_type", e.gpu_type, forms::label_value);
  v.optional("cpu", e.cpu_millicores, forms::cpu_request);
  v.optional("memory", e.memory_bytes, forms::memory_request);
  v.check(!(e.gpus && e.gpu_share), "gpu_share", "no gpu_share together with gpus");
}

template <class V>
void describe(V& v, JobSpec& e) {
  using namespace forms;
  v.required("job_id", e.job_id, id);
  v.optional("name", e.name, forms::name);
  v.required("model_type", e.model_type, model_type);
  v.defaulted("workload_type", e.workload_type, "training", workload_type);
  v.optional("priority", e.priority);
  v.optional("epochs", e.epochs, epochs);
  v.optional("batch_size", e.batch_size, batch_size);
  v.optional("resources", e.resources, Described{});
  v.optional("image", e.image, image);
  v.optional("command", e.command, ListOf<Text>{argument, 0, 256});
  v.optional("args", e.args, ListOf<Text>{argument, 0, 256});
  v.optional("env", e.env, MapOf<Text>{env_name, env_value, 256});
  v.optional("secrets", e.secrets, ListOf<Text>{secret_name, 0, 32});
  v.optional("team", e.team, label_value);
  v.optional("project", e.project, label_value);
  v.optional("user", e.user, label_value);
  v.optional("labels", e.labels, MapOf<Text>{label_key, label_value, 32});
  v.defaulted("spot", e.spot, false, Flag{});
  v.defaulted("window", e.window, "any", window);
  v.optional("max_runtime_seconds", e.max_runtime_seconds, between(1, 31'536'000));
  v.optional("max_retries", e.max_retries, between(0, 100));
  v.optional("after", e.after, ListOf<Text>{id, 0, 100});
  v.optional("preemptible", e.preemptible);
}

template <class V>
void describe(V& v, Resources& e) {
  v.required("gpus", e.gpus, forms::at_least(0));
  v.optional("gpu_share", e.gpu_share, forms::share);
  v.optional("gpu_type", e.gpu_type);
  v.required("cpu", e.cpu_millicores, forms::Cpu{});
  v.required("memory", e.memory_bytes, forms::Memory{});
}

}  // namespace oppen
