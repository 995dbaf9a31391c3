// What is admitted to the queue, and the reason and field of each refusal.
#include "scheduler/core/admission.hpp"

#include <gmock/gmock.h>

namespace oppen::core {
namespace {

using testing::HasSubstr;

AdmissionRules rules() {
  plan::Policy policy;
  policy.model_catalog["mnist"] = {
      "mnist:1", {"train"}, {}, {1, std::nullopt, "", 1000, std::int64_t{2} << 30}, 120, ""};
  return {std::make_shared<const plan::Policy>(policy),
          {{"quota", "", {{"gpus", 2}}, {}}},
          {},
          std::make_shared<const plan::Durations>()};
}

JobSpec mnist() {
  JobSpec spec;
  spec.job_id = "mnist-1";
  spec.model_type = "mnist";
  spec.epochs = 2;
  return spec;
}

TEST(Admission, ResolvesAndEstimates) {
  const auto record = admit(mnist(), rules());
  ASSERT_TRUE(record) << record.error().reason;
  EXPECT_EQ(record->spec.image, "mnist:1");
  EXPECT_EQ(record->priority, Priority::normal);
  EXPECT_EQ(record->estimated_seconds, 240);
  EXPECT_EQ(record->submitted_hash, spec_hash(mnist()));
}

TEST(Admission, EstimatesByWhatRunsTook) {
  plan::Durations learned;
  for (int run = 0; run < 20; ++run) learned.observe(admit(mnist(), rules())->spec, "", 60);
  auto experienced = rules();
  experienced.durations = std::make_shared<const plan::Durations>(learned);
  const auto record = admit(mnist(), experienced);
  EXPECT_NEAR(record->estimated_seconds, 60, 6);
  EXPECT_EQ(record->estimated_seconds, queue::decode("mnist-1", encode(*record))->estimated_seconds)
      << "what is told is what is stored";
}

TEST(Admission, RefusesWhatCanNeverFit) {
  auto spec = mnist();
  spec.resources.gpus = 3;
  const auto record = admit(spec, rules());
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, "never_fits");
  EXPECT_THAT(record.error().reason, HasSubstr("needs 3 gpus, quota quota allows 2"));
}

TEST(Admission, RefusesAnUnknownModelWithoutAnImage) {
  auto spec = mnist();
  spec.model_type = "mnits";
  const auto record = admit(spec, rules());
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, "invalid");
  EXPECT_EQ(record.error().field, "model_type");
}

TEST(Admission, RefusesWhatItWouldNotHonour) {
  auto later = mnist();
  later.after = {"other"};
  auto night = mnist();
  night.window = "off_peak";
  EXPECT_EQ(admit(later, rules()).error().field, "after");
  EXPECT_EQ(admit(night, rules()).error().field, "window");
}

TEST(Admission, RefusesASpecTooLargeForAPod) {
  auto spec = mnist();
  for (int i = 0; i < 10; ++i) spec.env["BIG_" + std::to_string(i)] = std::string(32'000, 'x');
  const auto record = admit(spec, rules());
  ASSERT_FALSE(record);
  EXPECT_THAT(record.error().reason, HasSubstr("expected at most 262144"));
}

}  // namespace
}  // namespace oppen::core
