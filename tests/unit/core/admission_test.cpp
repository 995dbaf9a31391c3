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
          std::make_shared<const NodeSizes>(),
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
  for (int run = 0; run < 20; ++run) learned.observe(admit(mnist(), rules())->spec, false, "", 60);
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

TEST(Admission, RefusesWhatNoNodeIsLargeEnoughFor) {
  constexpr std::int64_t gib = std::int64_t{1} << 30;
  auto policy = *rules().policy;
  policy.gpu_products["T4"] = "Tesla-T4";
  auto known = rules();
  known.policy = std::make_shared<const plan::Policy>(policy);
  known.node_sizes = std::make_shared<const NodeSizes>(
      NodeSizes{{"", {{110, 0, 64'000, 512 * gib}, {110, 2, 8'000, 32 * gib}}},
                {"Tesla-T4", {{110, 1, 8'000, 32 * gib}}}});
  const auto refusal = [&](int gpus, std::int64_t cpu, const std::string& gpu_type) {
    auto spec = mnist();
    spec.resources = {gpus, std::nullopt, gpu_type, cpu, gib};
    const auto record = admit(spec, known);
    if (record) return std::string();
    EXPECT_EQ(record.error().code, "never_fits");
    EXPECT_EQ(record.error().field, "resources");
    return record.error().reason;
  };
  EXPECT_EQ(refusal(2, 8'000, ""), "");
  EXPECT_EQ(refusal(0, 64'000, ""), "");
  EXPECT_EQ(refusal(0, 65'000, ""), "needs 65 cpu, the largest node has 64 cpu");
  EXPECT_EQ(refusal(1, 9'000, ""), "needs 9 cpu, the largest node has 8 cpu") << "with a GPU";
  EXPECT_EQ(refusal(2, 1'000, "T4"),
            "needs 2 gpus, the largest node has 1 gpu (of those with GPU type T4)");
  EXPECT_EQ(refusal(2, 100'000, "H100"), "") << "no node of this type is known";
  known.node_sizes = std::make_shared<const NodeSizes>(NodeSizes{{"", {{110, 0, 8'000, gib}}}});
  EXPECT_EQ(refusal(2, 1'000, ""), "") << "nodes with GPUs may be starting";
}

TEST(Admission, RefusesAnUnknownModelWithoutAnImage) {
  auto spec = mnist();
  spec.model_type = "mnits";
  const auto record = admit(spec, rules());
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, "invalid");
  EXPECT_EQ(record.error().field, "model_type");
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
