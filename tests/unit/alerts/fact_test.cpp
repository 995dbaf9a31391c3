// What is not taken from the bus, though its schema is right.
#include "schemas/parse.hpp"
#include "tests/unit/alerts/at.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;

template <class Event>
Result<Fact> read(const Event& event) {
  CloudEvent cloud;
  cloud.type = Event::type;
  cloud.data = to_data(event);
  return read_fact(cloud);
}

TEST(Facts, DegreesThatNothingHasAreRefused) {
  auto sample = sample_of("gpu-1");
  sample.sampled_at = at(0s);
  for (const double degrees : {-100.0, 60.0, 1'000.0}) {
    sample.temperature_celsius = degrees;
    EXPECT_TRUE(read(sample)) << degrees;
  }
  for (const double degrees : {1.7e308, -1.7e308, 1'000.1}) {
    sample.temperature_celsius = degrees;
    const auto read_back = read(sample);
    ASSERT_FALSE(read_back) << degrees;
    EXPECT_EQ(read_back.error().kind, ErrorKind::invalid);
    EXPECT_THAT(read_back.error().message, HasSubstr("temperature_celsius is "));
  }
}

TEST(Facts, NamesThatFitNoAlertAreRefused) {
  auto sample = sample_of(std::string(253, 'g'));
  sample.sampled_at = at(0s);
  EXPECT_TRUE(read(sample));
  sample.pod = std::string(254, 'p');
  const auto read_back = read(sample);
  ASSERT_FALSE(read_back);
  EXPECT_EQ(read_back.error().message,
            "pod is \"" + std::string(40, 'p') + "...\", of 254 bytes: expected at most 253");

  JobLaunched launched;
  launched.job = change_of("job", 1, JobChange::What::launched).job;
  launched.job.workload_type = "training";
  launched.pod = "job-1";
  launched.pod_namespace = "ml";
  EXPECT_TRUE(read(launched)) << read(launched).error().message;
  launched.job.team = std::string(1'000'000, 't');
  EXPECT_FALSE(read(launched));
}

}  // namespace
}  // namespace oppen::anomaly
