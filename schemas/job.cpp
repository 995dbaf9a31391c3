#include "schemas/job.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <random>

#include "schemas/names.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"
#include "schemas/time.hpp"

namespace oppen {

int priority_value(Priority priority) {
  switch (priority) {
    case Priority::urgent:
      return 1000;
    case Priority::normal:
      return 100;
    case Priority::background:
      return 10;
  }
  return 0;
}

std::string_view to_string(Priority priority) { return name_of(priority); }
std::string_view to_string(JobState state) { return name_of(state); }
std::string_view to_string(FailureClass failure) { return name_of(failure); }
std::optional<Priority> parse_priority(std::string_view text) { return named<Priority>(text); }
std::optional<JobState> parse_job_state(std::string_view text) { return named<JobState>(text); }
std::optional<FailureClass> parse_failure_class(std::string_view text) {
  return named<FailureClass>(text);
}

bool is_terminal(JobState state) {
  return state == JobState::succeeded || state == JobState::failed ||
         state == JobState::cancelled || state == JobState::rejected;
}

std::string canonical_text(const JobSpec& spec) { return to_text(spec); }

std::string spec_hash(const JobSpec& spec) { return short_digest(canonical_text(spec)); }

std::string short_digest(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return fmt::format("{:02x}", fmt::join(digest, digest + 8, ""));
}

std::string make_job_id(std::string_view model_type) {
  constexpr std::string_view base32 = "abcdefghijklmnopqrstuvwxyz234567";
  constexpr std::size_t random_length = 8;  // 40 bits
  constexpr std::size_t time_length = 15;
  constexpr std::size_t model_length = max_id_length - random_length - time_length - 2;

  std::string model;
  for (const char c : model_type.substr(0, model_length)) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const char clean = upper ? static_cast<char>(c - 'A' + 'a') : kept ? c : '-';
    if (clean != '-' || !model.empty()) model += clean;
  }
  if (model.empty()) model = "job";

  std::string time = to_rfc3339(SystemClock().now()).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  std::replace(time.begin(), time.end(), 'T', '-');

  std::random_device random;
  std::string suffix;
  for (std::size_t i = 0; i < random_length; ++i) suffix += base32[random() % base32.size()];
  return model + "-" + time + "-" + suffix;
}

}  // namespace oppen
