// Proves that a pod is created once and that each answer of the API server, lost ones included,
// becomes the outcome that the scheduler must know; the same for deleting and for letting go.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "scheduler/kube/pod_manifest.hpp"
#include "tests/component/http/kube_server.hpp"

namespace oppen::kube {
namespace {

using nlohmann::json;
using test::Answer;
using test::Arrivals;
using test::Asked;
using test::KubeServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using test::pods_path;
using test::refusal;

const std::string pod_path = std::string(pods_path) + "/job-a-1";

std::string manifest(const std::string& spec_hash = "hash") {
  JobSpec spec;
  spec.job_id = "job-a";
  spec.image = "i";
  PodContext context;
  context.pod_namespace = "ml-training";
  context.spec_hash = spec_hash;
  return pod_manifest(spec, context);
}

json stored_pod(const std::string& spec_hash = "hash") {
  json pod = json::parse(manifest(spec_hash));
  pod["metadata"]["uid"] = "u-1";
  pod["status"] = {{"phase", "Pending"}};
  return pod;
}

Answer created() { return {201, stored_pod().dump()}; }
Answer found(const json& pod = stored_pod()) { return {200, pod.dump()}; }
Answer lost() {
  Answer answer;
  answer.lost = true;
  return answer;
}
Answer not_found() { return refusal(404, "NotFound", "pods \"job-a-1\" not found"); }
Answer already_exists() { return refusal(409, "AlreadyExists", "pods \"job-a-1\" already exists"); }

// Answers in the order of the script; the last one again and again. Remembers the methods.
class Script {
 public:
  explicit Script(std::vector<Answer> answers) : answers_(std::move(answers)) {}
  Answer operator()(const Asked& asked) {
    methods.push_back(asked.method);
    last = asked;
    const std::size_t index = std::min(methods.size(), answers_.size()) - 1;
    return answers_[index];
  }
  std::vector<std::string> methods;
  Asked last;

 private:
  std::vector<Answer> answers_;
};

struct Launched {
  LaunchOutcome outcome;
  std::vector<std::string> methods;
};

Launched launch(std::vector<Answer> answers,
                std::chrono::milliseconds deadline = std::chrono::seconds{20}) {
  Script script(std::move(answers));
  Arrivals<LaunchOutcome> outcomes;
  LaunchOutcome outcome;
  {
    KubeServer kube(std::ref(script));
    kube.client->launch("job-a-1", manifest(), deadline,
                        [&](LaunchOutcome o) { outcomes.add(std::move(o)); });
    outcome = outcomes.next();
  }
  EXPECT_TRUE(outcomes.empty());
  return {std::move(outcome), script.methods};
}

TEST(Launch, CreatesThePod) {
  const Launched result = launch({created()});
  EXPECT_EQ(result.outcome.result, LaunchResult::launched);
  EXPECT_EQ(result.outcome.message, "");
  EXPECT_EQ(result.outcome.pod->uid, "u-1");
  EXPECT_THAT(result.methods, ElementsAre("POST"));
}

TEST(Launch, RecognisesItsOwnPod) {
  const Launched result = launch({already_exists(), found()});
  EXPECT_EQ(result.outcome.result, LaunchResult::launched);
  EXPECT_EQ(result.outcome.pod->uid, "u-1");
  EXPECT_THAT(result.methods, ElementsAre("POST", "GET"));

  json finished = stored_pod();
  finished["status"]["phase"] = "Succeeded";
  finished["metadata"]["deletionTimestamp"] = "2026-01-03T18:15:00Z";
  EXPECT_EQ(launch({already_exists(), found(finished)}).outcome.result, LaunchResult::launched);
}

TEST(Launch, RefusesAPodThatIsNotThisAttempt) {
  const Launched other_spec = launch({already_exists(), found(stored_pod("another"))});
  EXPECT_EQ(other_spec.outcome.result, LaunchResult::clash);
  EXPECT_THAT(other_spec.outcome.message, HasSubstr("another"));
  ASSERT_TRUE(other_spec.outcome.pod);

  json foreign = stored_pod();
  foreign["metadata"]["labels"].erase("app.kubernetes.io/managed-by");
  EXPECT_THAT(launch({already_exists(), found(foreign)}).outcome.message, HasSubstr("not managed"));
}

TEST(Launch, WaitsForAPodThatIsBeingDeletedToBeGone) {
  for (const auto* hash : {"hash", "another"}) {
    json deleting = stored_pod(hash);
    deleting["metadata"]["deletionTimestamp"] = "2026-01-03T18:15:00Z";
    const Launched result =
        launch({already_exists(), found(deleting), already_exists(), not_found(), created()});
    EXPECT_EQ(result.outcome.result, LaunchResult::launched) << hash;
    EXPECT_THAT(result.methods, ElementsAre("POST", "GET", "POST", "GET", "POST"));
  }
}

TEST(Launch, RepeatsWhatIsSafeToRepeat) {
  const Launched quota_conflict = launch(
      {refusal(
           409, "Conflict",
           "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified"),
       created()});
  EXPECT_EQ(quota_conflict.outcome.result, LaunchResult::launched);
  EXPECT_THAT(quota_conflict.methods, ElementsAre("POST", "POST"));

  Answer busy = refusal(429, "TooManyRequests", "slow down");
  busy.headers["Retry-After"] = "0";
  const Launched overloaded =
      launch({busy, {503, "<html>proxy</html>"}, refusal(500, "InternalError", "etcd"), created()});
  EXPECT_EQ(overloaded.outcome.result, LaunchResult::launched);
  EXPECT_EQ(overloaded.methods.size(), 4U);

  EXPECT_EQ(launch({refusal(403, "Forbidden",
                            "pods is forbidden: status unknown for quota: q, resources: pods"),
                    created()})
                .outcome.result,
            LaunchResult::launched);
}

TEST(Launch, FindsOutWhatBecameOfALostAnswer) {
  const Launched had_arrived = launch({lost(), found()});
  EXPECT_EQ(had_arrived.outcome.result, LaunchResult::launched);
  EXPECT_THAT(had_arrived.methods, ElementsAre("POST", "GET"));

  const Launched had_not = launch({lost(), not_found(), created()});
  EXPECT_EQ(had_not.outcome.result, LaunchResult::launched);
  EXPECT_THAT(had_not.methods, ElementsAre("POST", "GET", "POST"));

  const Launched lost_twice = launch({lost(), lost(), found()});
  EXPECT_EQ(lost_twice.outcome.result, LaunchResult::launched);
  EXPECT_THAT(lost_twice.methods, ElementsAre("POST", "GET", "GET"));

  const Launched no_pod = launch({{200, "[]"}, found()});
  EXPECT_EQ(no_pod.outcome.result, LaunchResult::launched);

  EXPECT_EQ(launch({lost(), found(stored_pod("another"))}).outcome.result, LaunchResult::clash);
}

// A pod that came, ended and went while its launch was without an answer.
TEST(Launch, CreatesNothingOnceItIsAbandoned) {
  std::vector<std::string> methods;
  Arrivals<LaunchOutcome> outcomes;
  KubeClient* client = nullptr;
  LaunchOutcome outcome;
  {
    KubeServer kube([&](const Asked& asked) {
      methods.push_back(asked.method);
      if (asked.method == "POST") return lost();
      client->abandon("job-a-1");
      return not_found();
    });
    client = kube.client.get();
    kube.client->launch("job-a-1", manifest(), std::chrono::seconds{20},
                        [&](LaunchOutcome o) { outcomes.add(std::move(o)); });
    outcome = outcomes.next();
  }
  EXPECT_EQ(outcome.result, LaunchResult::unavailable);
  EXPECT_THAT(methods, ElementsAre("POST", "GET"));
}

TEST(Launch, TellsQuotaFromOtherRefusals) {
  const std::string quota =
      "pods \"job-a-1\" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, "
      "used: "
      "requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4";
  const Launched over = launch({refusal(403, "Forbidden", quota), not_found()});
  EXPECT_EQ(over.outcome.result, LaunchResult::over_quota);
  EXPECT_EQ(over.outcome.message, quota);
  EXPECT_THAT(over.methods, ElementsAre("POST", "GET"));
  // What fills the quota may be this very pod, created by a try whose answer was lost.
  EXPECT_EQ(launch({refusal(403, "Forbidden", quota), found()}).outcome.result,
            LaunchResult::launched);

  for (const Answer& answer :
       {refusal(403, "Forbidden",
                "pods \"job-a-1\" is forbidden: maximum cpu usage per Pod is 1, but limit is 2"),
        refusal(
            403, "Forbidden",
            "pods \"job-a-1\" is forbidden: failed quota: q: must specify limits.cpu for: train"),
        refusal(403, "Forbidden",
                "pods is forbidden: User \"x\" cannot create resource \"pods\" in API group \"\""),
        refusal(422, "Invalid",
                "Pod \"job-a-1\" is invalid: spec.containers[0].image: Required value"),
        refusal(400, "BadRequest", "strict decoding error")}) {
    const Launched rejected = launch({answer});
    EXPECT_EQ(rejected.outcome.result, LaunchResult::rejected) << answer.body;
    EXPECT_EQ(rejected.outcome.message, json::parse(answer.body)["message"]);
    EXPECT_EQ(rejected.methods.size(), 1U) << answer.body;
  }
}

TEST(Launch, DoesNotGiveAJobUpBecauseTheNamespaceIsMissing) {
  for (const Answer& answer :
       {refusal(404, "NotFound", "namespaces \"ml-training\" not found"),
        refusal(403, "Forbidden",
                "unable to create new content in namespace ml-training because "
                "it is being terminated")}) {
    EXPECT_EQ(launch({answer, created()}).outcome.result, LaunchResult::launched);
  }
}

TEST(Launch, IsUnavailableWhenTheDeadlinePasses) {
  const Launched failing =
      launch({refusal(500, "InternalError", "no leader")}, std::chrono::milliseconds{300});
  EXPECT_EQ(failing.outcome.result, LaunchResult::unavailable);

  Answer later = refusal(429, "TooManyRequests", "slow down");
  later.headers["Retry-After"] = "30";
  const Launched patient = launch({later}, std::chrono::seconds{20});
  EXPECT_EQ(patient.outcome.result, LaunchResult::unavailable);
  EXPECT_EQ(patient.outcome.message, "slow down");
  EXPECT_THAT(patient.methods, ElementsAre("POST"));
}

TEST(Launch, ReadsTheTokenAgainAfterA401) {
  std::vector<std::string> tokens;
  Arrivals<LaunchOutcome> outcomes;
  KubeServer* kube = nullptr;
  KubeServer server([&](const Asked& asked) {
    tokens.push_back(asked.headers.at("authorization"));
    if (tokens.back() == "Bearer second") return created();
    kube->write("token", "second");
    return refusal(401, "Unauthorized", "Unauthorized");
  });
  kube = &server;
  server.client->launch("job-a-1", manifest(), std::chrono::seconds{20},
                        [&](LaunchOutcome o) { outcomes.add(std::move(o)); });
  EXPECT_EQ(outcomes.next().result, LaunchResult::launched);
  EXPECT_THAT(tokens, ElementsAre("Bearer first", "Bearer second"));
}

TEST(Launch, SendsManyAtATime) {
  Arrivals<LaunchOutcome> outcomes;
  KubeServer server([](const Asked& asked) {
    if (asked.method != "POST") return not_found();  // whose answer was late
    json pod = json::parse(asked.body);
    pod["metadata"]["uid"] = "of " + pod["metadata"]["name"].get<std::string>();
    return Answer{201, pod.dump()};
  });
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) {
    server.client->launch("job-a-1", manifest(), std::chrono::seconds{20},
                          [&](LaunchOutcome o) { outcomes.add(std::move(o)); });
  }
  for (int i = 0; i < count; ++i) EXPECT_EQ(outcomes.next().result, LaunchResult::launched);
}

TEST(Launch, LeavesNothingBehindWhenTheClientEnds) {
  Arrivals<LaunchOutcome> outcomes;
  {
    KubeServer server([](const Asked&) {
      Answer silent;
      silent.stays_open = true;
      return silent;
    });
    for (int i = 0; i < 100; ++i) {
      server.client->launch("job-a-1", manifest(), std::chrono::seconds{20},
                            [&](LaunchOutcome o) { outcomes.add(std::move(o)); });
    }
  }
  while (!outcomes.empty()) EXPECT_EQ(outcomes.next().result, LaunchResult::unavailable);
}

struct Changed {
  Status status;
  std::vector<std::string> methods;
  Asked last;
};

template <class Call>
Changed change(std::vector<Answer> answers, Call call) {
  Script script(std::move(answers));
  Arrivals<Status> outcomes;
  Status status;
  {
    KubeServer kube(std::ref(script));
    call(*kube.client, [&](Status s) { outcomes.add(std::move(s)); });
    status = outcomes.next();
  }
  return {status, script.methods, script.last};
}

Changed remove(std::vector<Answer> answers) {
  return change(std::move(answers),
                [](KubeClient& client, const std::function<void(Status)>& done) {
                  client.remove("job-a-1", "u-1", std::chrono::seconds{30}, done);
                });
}

TEST(Remove, NamesThePodAndItsGrace) {
  const Changed result = remove({found()});
  EXPECT_TRUE(result.status);
  EXPECT_EQ(result.last.method, "DELETE");
  EXPECT_EQ(result.last.path, pod_path);
  const json options = json::parse(result.last.body);
  EXPECT_EQ(options["preconditions"]["uid"], "u-1");
  EXPECT_EQ(options["gracePeriodSeconds"], 30);
}

TEST(Remove, IsDoneWhenThePodIsGoneOrAnother) {
  EXPECT_TRUE(remove({not_found()}).status);
  const Changed other = remove({refusal(
      409, "Conflict",
      "Operation cannot be fulfilled on Pod \"job-a-1\": the UID in the precondition (u-1) "
      "does not match the UID in record (u-2). The object might have been deleted")});
  EXPECT_TRUE(other.status);
  EXPECT_EQ(other.methods.size(), 1U);
}

TEST(Remove, TriesAgainOrSaysWhyNot) {
  EXPECT_THAT(remove({lost(), refusal(503, "", "busy"), found()}).methods,
              ElementsAre("DELETE", "DELETE", "DELETE"));
  const Changed forbidden = remove({refusal(403, "Forbidden", "cannot delete resource \"pods\"")});
  ASSERT_FALSE(forbidden.status);
  EXPECT_EQ(forbidden.status.error().kind, ErrorKind::refused);
  EXPECT_THAT(forbidden.status.error().message, HasSubstr("cannot delete"));
}

Changed release(std::vector<Answer> answers) {
  return change(std::move(answers),
                [](KubeClient& client, const std::function<void(Status)>& done) {
                  client.release("job-a-1", "u-1", done);
                });
}

TEST(Release, RemovesOnlyOurFinalizerOfThisPod) {
  const Changed result = release({found()});
  EXPECT_TRUE(result.status);
  EXPECT_EQ(result.last.method, "PATCH");
  EXPECT_EQ(result.last.headers.at("content-type"), "application/json-patch+json");
  EXPECT_EQ(json::parse(result.last.body), json::parse(R"([
      {"op": "test", "path": "/metadata/uid", "value": "u-1"},
      {"op": "test", "path": "/metadata/finalizers/0", "value": "oppen.dev/reported"},
      {"op": "remove", "path": "/metadata/finalizers/0"}])"));
}

TEST(Release, LooksForItAmongOthers) {
  json pod = stored_pod();
  pod["metadata"]["finalizers"] = {"a", "oppen.dev/reported"};
  const Answer test_failed =
      refusal(422, "Invalid", "the server rejected our request due to an error in our request");
  const Changed second = release({test_failed, found(pod), found()});
  EXPECT_TRUE(second.status);
  EXPECT_THAT(second.methods, ElementsAre("PATCH", "GET", "PATCH"));
  EXPECT_EQ(json::parse(second.last.body)[2]["path"], "/metadata/finalizers/1");

  pod["metadata"]["finalizers"] = {"a"};
  EXPECT_THAT(release({test_failed, found(pod)}).methods, ElementsAre("PATCH", "GET"));
  pod["metadata"]["uid"] = "u-2";
  EXPECT_TRUE(release({test_failed, found(pod)}).status);
}

TEST(Release, IsDoneWhenThePodIsGone) {
  EXPECT_TRUE(release({not_found()}).status);
  EXPECT_TRUE(release({lost(), not_found()}).status);
  EXPECT_FALSE(release({refusal(403, "Forbidden", "cannot patch")}).status);
}

Changed check(std::vector<Answer> answers,
              std::chrono::milliseconds deadline = std::chrono::seconds{20}) {
  return change(std::move(answers),
                [deadline](KubeClient& client, const std::function<void(Status)>& done) {
                  client.check(manifest(), deadline, done);
                });
}

TEST(Check, AsksStrictlyAndCreatesNothing) {
  const Changed result = check({created()});
  EXPECT_TRUE(result.status);
  EXPECT_EQ(result.last.method, "POST");
  EXPECT_EQ(result.last.path, pods_path);
  EXPECT_EQ(result.last.params.at("dryRun"), "All");
  EXPECT_EQ(result.last.params.at("fieldValidation"), "Strict");
  EXPECT_EQ(json::parse(result.last.body), json::parse(manifest()));
}

TEST(Check, WhatIsWrongWithThePodIsARefusalInTheServersWords) {
  for (const auto& refused :
       {refusal(422, "Invalid", "spec.volumes[0].name: Required value"),
        refusal(400, "BadRequest", "strict decoding error: unknown field \"spec.volumes[0].nam\""),
        refusal(403, "Forbidden",
                "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": host "
                "namespaces")}) {
    const Changed result = check({refused});
    ASSERT_FALSE(result.status);
    EXPECT_EQ(result.status.error().kind, ErrorKind::invalid);
    EXPECT_EQ(result.status.error().message, json::parse(refused.body)["message"]);
    EXPECT_THAT(result.methods, ElementsAre("POST"));
  }
}

TEST(Check, WhatComesAndGoesIsNoRefusal) {
  for (const auto& passing :
       {refusal(403, "Forbidden", "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1"),
        refusal(403, "Forbidden", "maximum cpu usage per Container is 8, but limit is 9"),
        refusal(403, "Forbidden", "User \"u\" cannot create resource \"pods\""),
        refusal(400, "BadRequest", "admission webhook \"w\" does not support dry run"),
        already_exists()}) {
    EXPECT_TRUE(check({passing}).status) << passing.body;
  }
}

TEST(Check, AsksAgainUntilThereIsAnAnswer) {
  const Changed result =
      check({lost(), refusal(500, "InternalError", "failed calling webhook"),
             refusal(409, "Conflict", "on resourcequotas \"q\": the object has been modified"),
             refusal(422, "Invalid", "spec")});
  EXPECT_EQ(result.status.error().kind, ErrorKind::invalid);
  EXPECT_THAT(result.methods, ElementsAre("POST", "POST", "POST", "POST"));
  const Changed away =
      check({refusal(503, "ServiceUnavailable", "starting")}, std::chrono::milliseconds{100});
  EXPECT_EQ(away.status.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(away.status.error().message, HasSubstr("starting"));
}

}  // namespace
}  // namespace oppen::kube
