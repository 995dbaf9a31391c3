// max_jobs_per_user: what is too much is refused, by itself or as a whole batch, and there is room again when jobs end. The count that it
// stands on is what the records say, whatever has happened to them.
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class UserLimitTest : public CoreTest {
 protected:
  void limit(std::int64_t jobs) {
    auto policy = *state->policy;
    policy.max_jobs_per_user = jobs;
    state->policy = std::make_shared<const plan::Policy>(policy);
  }
  void submit_as(const std::string& user, const std::string& id) { submit(id, {{"user", user}}); }
  void finish(const std::string& id) {
    kube.run(id + "-1", clock.now());
    kube.succeed(id + "-1", clock.now());
    settle();
    ASSERT_EQ(state_of(id), JobState::succeeded);
  }
  static json batch(const std::string& id,
                    const std::vector<std::pair<std::string, std::string>>& jobs) {
    json list = json::array();
    for (const auto& [user, job] : jobs)
      list.push_back({{"job_id", job}, {"model_type", "mnist"}, {"user", user}});
    return {{"batch_id", id}, {"jobs", list}};
  }
  std::map<std::string, std::string> counted() {
    std::map<std::string, std::string> users;
    const auto reply = redis->command({"HGETALL", "{oppen.scheduler}:users"}).value();
    for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2)
      users[reply.elements[i].text] = reply.elements[i + 1].text;
    return users;
  }
  using Counted = std::map<std::string, std::string>;
};

TEST_F(UserLimitTest, OneJobTooManyIsRefusedUntilOneHasEnded) {
  limit(2);
  submit_as("kim", "k1");
  submit_as("kim", "k2");
  submit_as("ana", "a1");
  submit_as("kim", "k3");
  EXPECT_EQ(story("a1"), "job.queued");
  ASSERT_EQ(story("k3"), "job.rejected");
  EXPECT_EQ(last_event("k3")["code"], "not_allowed");
  EXPECT_EQ(last_event("k3")["field"], "user");
  EXPECT_THAT(
      last_event("k3")["reason"].get<std::string>(),
      HasSubstr("user is \"kim\", of whom 2 jobs have not ended: max_jobs_per_user allows 2"));
  finish("k1");
  submit_as("kim", "k3");
  EXPECT_EQ(story("k3"), "job.rejected job.queued");
  submit_as("kim", "k4");
  EXPECT_EQ(story("k4"), "job.rejected");
}

TEST_F(UserLimitTest, SubmissionsOfOneCommitSeeEachOther) {
  limit(1);
  std::vector<Command> commands;
  for (const auto* id : {"k1", "k2"})
    commands.push_back(read_command(
        command(JobSubmit::type, {{"job_id", id}, {"model_type", "mnist"}, {"user", "kim"}})));
  const Command* both[] = {&commands[0], &commands[1]};
  ASSERT_TRUE(intake->submit(both));
  settle();
  EXPECT_EQ(state_of("k1"), JobState::launching);
  EXPECT_EQ(story("k2"), "job.rejected");
}

TEST_F(UserLimitTest, WhoHasNoNameIsOneUser) {
  limit(1);
  submit("x1");
  submit("x2");
  EXPECT_EQ(story("x2"), "job.rejected");
}

TEST_F(UserLimitTest, ABatchIsRefusedAsAWhole) {
  limit(3);
  submit_as("kim", "k1");
  send(batch("sweep", {{"ana", "b1"}, {"kim", "b2"}, {"kim", "b3"}, {"kim", "b4"}}));
  ASSERT_EQ(story("sweep"), "batch.rejected");
  EXPECT_EQ(last_event("sweep")["errors"][0]["field"], "user");
  EXPECT_THAT(last_event("sweep")["errors"][0]["reason"].get<std::string>(),
              HasSubstr("which 3 more would exceed"));
  EXPECT_FALSE(store->job("b1").value());
  EXPECT_EQ(counted(), (Counted{{"kim", "1"}}));
  send(batch("smaller", {{"ana", "b1"}, {"kim", "b2"}, {"kim", "b3"}}));
  EXPECT_EQ(story("smaller"), "batch.queued");
  EXPECT_EQ(counted(), (Counted{{"ana", "1"}, {"kim", "3"}}));
}

TEST_F(UserLimitTest, TheCountFollowsTheRecords) {
  submit_as("kim", "k1");
  submit_as("kim", "k2");
  submit_as("kim", "k3");
  submit("nobody");
  send(batch("sweep", {{"ana", "b1"}, {"kim", "b2"}}));
  EXPECT_EQ(counted(), (Counted{{"-", "1"}, {"ana", "1"}, {"kim", "4"}}));
  submit_as("kim", "k1");  // again
  submit("refused", {{"user", "kim"}, {"epochs", -1}});
  EXPECT_EQ(counted().at("kim"), "4");
  finish("k1");
  cancel("b2");
  EXPECT_EQ(counted(), (Counted{{"-", "1"}, {"ana", "1"}, {"kim", "2"}}));
  begin_term(2);
  for (const auto* id : {"k2", "k3", "nobody", "b1"}) finish(id);
  EXPECT_EQ(counted(), Counted());
}

}  // namespace
}  // namespace oppen::core
