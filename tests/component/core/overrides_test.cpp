// Overrides of policies, read from the topic `control`: they hold over the ConfigMaps until replaced or ended, also under the next
// leader and after Redis was emptied; what is wrong is set aside; each change is told whole. A paused queue launches nothing.
#include "scheduler/core/policies.hpp"
#include "schemas/control.hpp"
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ConfigMap = std::map<std::string, std::string>;
// Records of other types are not looked at here.
Result<std::optional<std::string>> nothing_else(const CloudEvent&, const client::ConsumedRecord&) {
  return std::optional<std::string>();
}

class OverridesTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    write("dev.oppen.node.observed.v1", {{"node", "n"}});
    write("dev.oppen.node.observed.v1", {{"node", "m"}});
    lead();
  }

  // A new leader that has read `control` up to its own claim.
  void lead() {
    const auto epoch = write(LeaderClaimed::type, {{"instance", "me"}});
    begin_term(epoch);
    policies = std::make_unique<Policies>(
        *state,
        [this](const client::ConsumedRecord& record, const std::string& reason,
               std::function<Status()> then) -> Status {
          set_aside.emplace_back(record.offset, reason);
          letters.push_back(std::move(then));
          return {};
        },
        post, nothing_else);
    ASSERT_TRUE(policies->load());
    fed = std::stoull(store->meta("next:control").value().value_or("0"));
    feed();
    EXPECT_FALSE(policies->complete()) << "the ConfigMaps are not known yet";
    show();
    EXPECT_EQ(policies->complete(), letters.empty());
  }
  void show() {
    ASSERT_TRUE(policies->on_config_map(Policies::scheduling_policies, scheduling));
    ASSERT_TRUE(policies->on_config_map(Policies::cost_model, cost));
    settle();
  }
  // Onto `control`; its offset.
  std::int64_t write(std::string_view type, const json& data) {
    const auto offset = static_cast<std::int64_t>(log.size());
    const CloudEvent event{"id", "/test", std::string(type), clock.now(), "", data};
    log.push_back({"control", 0, offset, clock.now(), encode(event, "key")});
    return offset;
  }
  void feed() {
    for (; fed < log.size(); ++fed) ASSERT_TRUE(policies->on_control(log[fed]));
    settle();
  }
  void override_with(const std::string& key, const std::string& value,
                     std::optional<Time> until = std::nullopt) {
    write(PolicyOverride::type, to_data(PolicyOverride{key, value, until, "a test"}));
    feed();
  }
  void tick() {
    ASSERT_TRUE(policies->tick());
    settle();
  }
  std::string head_waits() { return store->meta("head_waits").value().value_or(""); }
  std::vector<std::pair<std::string, json>> changes() { return events("policy"); }
  // key=value of what the last policy.changed tells
  std::vector<std::string> told() {
    std::vector<std::string> told;
    for (const auto& change : changes().back().second.value("overrides", json::array()))
      told.push_back(change["key"].get<std::string>() + "=" + change["value"].get<std::string>());
    return told;
  }

  ConfigMap scheduling{{"max_concurrent_jobs", "2"},
                       {"model_catalog", R"({"mnist":{"image":"mnist:1"}})"}};
  ConfigMap cost{{"spot_multiplier", "0.4"}};
  std::unique_ptr<Policies> policies;
  std::vector<client::ConsumedRecord> log;
  std::size_t fed = 0;
  std::vector<std::pair<std::int64_t, std::string>> set_aside;  // offset, reason
  std::vector<std::function<Status()>> letters;                 // not acknowledged yet
};

TEST_F(OverridesTest, APausedQueueLaunchesNothingUntilItIsResumed) {
  submit("a");
  EXPECT_EQ(state_of("a"), JobState::launching);
  override_with("queue_paused", "true");
  submit("b");
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  EXPECT_EQ(state_of("a"), JobState::succeeded) << "what runs goes on";
  EXPECT_EQ(story("b"), "job.queued") << "submissions are taken in";
  EXPECT_EQ(state_of("b"), JobState::queued);
  EXPECT_EQ(head_waits(), "the queue is paused");
  override_with("queue_paused", "false");
  EXPECT_EQ(state_of("b"), JobState::launching);
  EXPECT_EQ(head_waits(), "");
  EXPECT_THAT(told(), ElementsAre("queue_paused=false"));
}

TEST_F(OverridesTest, APauseWithAnEndEndsByItself) {
  const auto end = clock.now() + seconds(60);
  override_with("queue_paused", "true", end);
  submit("a");
  EXPECT_EQ(head_waits(), "the queue is paused until " + to_rfc3339(end));
  clock.advance(seconds(59));
  tick();
  EXPECT_EQ(state_of("a"), JobState::queued);
  clock.advance(seconds(1));
  tick();
  EXPECT_EQ(state_of("a"), JobState::launching);
  EXPECT_THAT(told(), ElementsAre());
  const auto so_far = changes().size();
  tick();
  EXPECT_EQ(changes().size(), so_far);
}

TEST_F(OverridesTest, KeysOfBothConfigMapsAreOverriddenAndToldBesideTheConfigMapsThemselves) {
  override_with("max_concurrent_jobs", "5");
  override_with("spot_multiplier", "0.1");
  EXPECT_EQ(state->policy->max_concurrent_jobs, 5);
  EXPECT_EQ(state->cost_model->spot_multiplier, 100'000);
  scheduling["max_concurrent_jobs"] = "7";
  show();
  EXPECT_EQ(state->policy->max_concurrent_jobs, 5) << "the override holds";
  const auto last = changes().back().second;
  EXPECT_EQ(last["scheduling_policies"]["max_concurrent_jobs"], "7");
  EXPECT_EQ(last["cost_model"]["spot_multiplier"], "0.4");
  EXPECT_THAT(told(), ElementsAre("max_concurrent_jobs=5", "spot_multiplier=0.1"));
  override_with("max_concurrent_jobs", "5", clock.now() - seconds(1));
  EXPECT_EQ(state->policy->max_concurrent_jobs, 7) << "an end that has passed withdraws it";
  EXPECT_THAT(told(), ElementsAre("spot_multiplier=0.1"));
}

TEST_F(OverridesTest, WhatIsWrongIsSetAsideAndWhatComesAfterWaitsForThat) {
  const auto bad = [this](const std::string& key, const std::string& value) {
    return write(PolicyOverride::type, {{"key", key}, {"value", value}});
  };
  tick();
  const auto unknown = bad("max_jobs", "3");
  const auto many = bad("max_concurrent_jobs", "many");
  const auto maybe = bad("queue_paused", "maybe");
  const auto costly = bad("spot_multiplier", "-1");
  const auto without = write(PolicyOverride::type, {{"key", "queue_paused"}});
  log.push_back({"control", 0, without + 1, clock.now(), {"key", "no JSON", {}}});
  const auto before = changes().size();
  override_with("queue_paused", "true");
  EXPECT_FALSE(state->policy->queue_paused);
  EXPECT_EQ(store->meta("next:control").value().value_or("0"), std::to_string(unknown))
      << "it would be read again";
  while (!letters.empty()) {
    const auto then = std::move(letters.front());
    letters.erase(letters.begin());
    ASSERT_TRUE(then());
  }
  EXPECT_TRUE(state->policy->queue_paused);
  EXPECT_EQ(changes().size(), before + 1);
  ASSERT_EQ(set_aside.size(), 6U);
  EXPECT_EQ(set_aside[0].first, unknown);
  EXPECT_EQ(
      set_aside[0].second,
      "key is \"max_jobs\": expected a key of the ConfigMap scheduling-policies or cost-model");
  EXPECT_EQ(set_aside[1].first, many);
  EXPECT_THAT(set_aside[1].second, HasSubstr("max_concurrent_jobs is \"many\""));
  EXPECT_EQ(set_aside[2].first, maybe);
  EXPECT_THAT(set_aside[2].second, HasSubstr("queue_paused is \"maybe\": expected true or false"));
  EXPECT_EQ(set_aside[3].first, costly);
  EXPECT_THAT(set_aside[3].second, HasSubstr("spot_multiplier is \"-1\""));
  EXPECT_THAT(set_aside[4].second, HasSubstr("value"));
  EXPECT_EQ(set_aside[5].first, without + 1);
}

TEST_F(OverridesTest, TheNextLeaderGoesOnWithThemAndTellsWhatHasEndedMeanwhile) {
  override_with("queue_paused", "true", clock.now() + seconds(60));
  override_with("max_concurrent_jobs", "5");
  const auto so_far = changes().size();
  lead();
  EXPECT_TRUE(state->policy->queue_paused);
  EXPECT_EQ(state->policy->max_concurrent_jobs, 5);
  EXPECT_EQ(changes().size(), so_far) << "nothing has changed";
  clock.advance(seconds(60));
  lead();
  EXPECT_FALSE(state->policy->queue_paused);
  EXPECT_THAT(told(), ElementsAre("max_concurrent_jobs=5"));
}

TEST_F(OverridesTest, ARebuiltRedisComesToTheSame) {
  override_with("gpu_utilization_target", "85", clock.now() + seconds(5));
  override_with("max_concurrent_jobs", "4");
  override_with("queue_paused", "true");
  clock.advance(seconds(10));
  tick();
  override_with("max_concurrent_jobs", "5");
  const auto overrides = store->value("overrides").value().value();
  const auto before = told();
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  lead();
  EXPECT_TRUE(state->policy->queue_paused);
  EXPECT_EQ(state->policy->max_concurrent_jobs, 5);
  EXPECT_EQ(store->value("overrides").value().value(), overrides);
  EXPECT_EQ(changes().size(), 1U) << "told once, when everything is known";
  EXPECT_EQ(told(), before);
}

TEST_F(OverridesTest, OneThatFitsTheConfigMapNoMoreGivesWay) {
  override_with("gpu_utilization_target", "85");
  override_with("queue_paused", "true");
  EXPECT_EQ(state->policy->gpu_utilization_target, 85);
  scheduling["gpu_utilization_threshold_max"] = "80";
  show();
  EXPECT_EQ(state->policy->gpu_utilization_threshold_max, 80);
  EXPECT_EQ(state->policy->gpu_utilization_target, 70);
  EXPECT_THAT(told(), ElementsAre("queue_paused=true"));
}

std::string with_template(const char* pod_template) {
  return R"({"mnist":{"image":"mnist:1","pod_template":)" + std::string(pod_template) + "}}";
}
constexpr auto tolerates = R"({"tolerations":[{"key":"gpu","operator":"Exists"}]})";
constexpr auto in_shared_memory = R"({"volumes":[{"name":"shm","emptyDir":{"medium":"Memory"}}]})";

TEST_F(OverridesTest, ATemplateHoldsOnceKubernetesTakesAPodOfItAndIsNotAskedAboutTwice) {
  kube.hold_answers(true);
  scheduling["model_catalog"] = with_template(tolerates);
  show();
  EXPECT_EQ(state->policy->model_catalog.at("mnist").pod_template_json, "") << "not judged yet";
  ASSERT_EQ(kube.checks().size(), 1U);
  const auto pod = json::parse(kube.checks()[0]);
  EXPECT_EQ(pod["spec"]["containers"][0]["image"], "mnist:1");
  EXPECT_EQ(pod["spec"]["tolerations"][0]["key"], "gpu");
  kube.release_answers();
  settle();
  EXPECT_EQ(state->policy->model_catalog.at("mnist").pod_template_json,
            json::parse(tolerates).dump());
  EXPECT_EQ(changes().back().second["scheduling_policies"]["model_catalog"],
            scheduling["model_catalog"]);
  scheduling["max_concurrent_jobs"] = "9";
  show();
  EXPECT_EQ(state->policy->max_concurrent_jobs, 9);
  lead();
  scheduling["max_concurrent_jobs"] = "8";
  show();
  EXPECT_EQ(state->policy->max_concurrent_jobs, 8) << "under the next leader";
  EXPECT_EQ(kube.checks().size(), 1U);
}

TEST_F(OverridesTest, ATemplateThatKubernetesRefusesIsRefusedAndTheLastGoodPoliciesStay) {
  const auto before = changes().size();
  kube.script_check(fail(ErrorKind::invalid, "spec.tolerations[0].operator: Invalid value"));
  scheduling["model_catalog"] = with_template(tolerates);
  scheduling["max_concurrent_jobs"] = "9";
  show();
  EXPECT_EQ(state->policy->max_concurrent_jobs, 2);
  EXPECT_EQ(changes().size(), before);
  EXPECT_THAT(metrics.render(), HasSubstr("oppen_policy_refused_total 1\n"));
  show();  // once more the same, which Kubernetes takes by now
  EXPECT_EQ(state->policy->max_concurrent_jobs, 9);
  kube.script_check(fail(ErrorKind::invalid, "spec.volumes[0].name: Required value"));
  override_with("model_catalog", with_template(in_shared_memory));
  ASSERT_EQ(set_aside.size(), 1U);
  EXPECT_EQ(set_aside[0].second,
            "model_catalog.mnist.pod_template: spec.volumes[0].name: Required value");
  EXPECT_EQ(state->policy->model_catalog.at("mnist").pod_template_json,
            json::parse(tolerates).dump());
}

TEST_F(OverridesTest, ATemplateWaitsForAnApiServerThatDoesNotAnswer) {
  for (int i = 0; i < 3; ++i) kube.script_check(fail(ErrorKind::unavailable, "no answer"));
  override_with("model_catalog", with_template(tolerates));
  override_with("max_concurrent_jobs", "7");
  EXPECT_EQ(state->policy->max_concurrent_jobs, 2) << "what came later waits";
  tick();
  EXPECT_EQ(state->policy->max_concurrent_jobs, 2);
  tick();
  EXPECT_EQ(state->policy->max_concurrent_jobs, 7);
  EXPECT_EQ(state->policy->model_catalog.at("mnist").pod_template_json,
            json::parse(tolerates).dump());
  EXPECT_THAT(set_aside, ElementsAre());
}

TEST_F(OverridesTest, ALeaderThatHasNothingInForceWaitsForTheJudgementOfItsFirstPolicies) {
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  kube.hold_answers(true);
  scheduling["model_catalog"] = with_template(tolerates);
  begin_term(static_cast<std::int64_t>(log.size()));
  policies = std::make_unique<Policies>(
      *state, [](const auto&, const auto&, const auto&) { return Status(); }, post, nothing_else);
  ASSERT_TRUE(policies->load());
  fed = 0;
  write(LeaderClaimed::type, {{"instance", "me"}});
  feed();
  show();
  EXPECT_FALSE(policies->complete());
  // A later one takes its place.
  scheduling["model_catalog"] = with_template(in_shared_memory);
  show();
  kube.release_answers();
  settle();
  EXPECT_TRUE(policies->complete());
  EXPECT_EQ(state->policy->model_catalog.at("mnist").pod_template_json,
            json::parse(in_shared_memory).dump());
  EXPECT_EQ(changes().size(), 1U);
}

TEST_F(OverridesTest, RecordsOfOthersAreNotReadAgain) {
  write("dev.oppen.node.observed.v1", {{"node", "o"}});
  feed();
  tick();
  EXPECT_EQ(store->meta("next:control").value().value_or("0"), std::to_string(log.size()));
}

}  // namespace
}  // namespace oppen::core
