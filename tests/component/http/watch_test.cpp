// Proves that what the API server tells of pods, quotas, limits, nodes and ConfigMaps arrives whole
// and in order, through pages, expired resource versions, broken streams and missing rights, and
// that health says what is wrong.
#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>

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
using ::testing::IsEmpty;
using ::testing::Pair;
using test::refusal;

json pod(const std::string& name, const std::string& phase, const std::string& version) {
  return {{"metadata", {{"name", name}, {"uid", "u-" + name}, {"resourceVersion", version}}},
          {"status", {{"phase", phase}}}};
}

Answer list(const std::string& version, std::vector<json> items,
            const std::string& continue_token = "") {
  return {200, json{{"metadata", {{"resourceVersion", version}, {"continue", continue_token}}},
                    {"items", items}}
                   .dump()};
}

std::string event(const std::string& type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

Answer open_stream(std::vector<std::string> pieces = {}) {
  Answer answer;
  answer.pieces = std::move(pieces);
  answer.stays_open = true;
  return answer;
}

bool is_watch(const Asked& asked) { return asked.params.contains("watch"); }

// Answers empty lists and silent watches for whatever a test doesn't care about.
Answer quiet(const Asked& asked) { return is_watch(asked) ? open_stream() : list("1", {}); }

class WatchTest : public ::testing::Test {
 protected:
  using Handler = std::function<Answer(const Asked&)>;

  // `handlers` by what the path ends in ("/pods").
  void start(std::map<std::string, Handler> handlers, std::vector<std::string> config_maps = {}) {
    kube = std::make_unique<KubeServer>([handlers = std::move(handlers)](const Asked& asked) {
      for (const auto& [end, handler] : handlers) {
        if (asked.path.ends_with(end)) return handler(asked);
      }
      return quiet(asked);
    });
    KubeEvents events;
    events.on_pod_list = [this](std::vector<Pod> pods) {
      std::vector<std::string> names;
      for (const Pod& one : pods) names.push_back(one.name);
      lists.add(std::move(names));
    };
    events.on_pod = [this](const Pod& one, bool deleted) {
      changes.add(one.name + " " + (deleted ? "deleted" : one.phase));
    };
    events.on_quotas = [this](std::vector<Quota> all) { quotas.add(std::move(all)); };
    events.on_limits = [this](PodLimits all) { limits.add(all); };
    events.on_nodes = [this](std::vector<Node> all) { nodes.add(std::move(all)); };
    events.on_config_map = [this](const std::string& name,
                                  std::optional<std::map<std::string, std::string>> data) {
      config.add({name, std::move(data)});
    };
    events.on_health = [this](const Status& status) {
      health.add(status ? "ok" : status.error().message);
    };
    kube->client->start(std::move(events), std::move(config_maps));
  }

  // The client first: its callbacks use what follows.
  void TearDown() override { kube.reset(); }

  Arrivals<std::vector<std::string>> lists;
  Arrivals<std::string> changes;
  Arrivals<std::vector<Quota>> quotas;
  Arrivals<PodLimits> limits;
  Arrivals<std::vector<Node>> nodes;
  Arrivals<std::pair<std::string, std::optional<std::map<std::string, std::string>>>> config;
  Arrivals<std::string> health;

  // What the handlers keep.
  Arrivals<Asked> watched;
  std::atomic<int> listed{0};
  std::atomic<int> watches{0};
  std::atomic<bool> broken{false};

  std::unique_ptr<KubeServer> kube;
};

TEST_F(WatchTest, ListsInPagesAndGoesOnFromThere) {
  start({{"/pods", [=, this](const Asked& asked) {
            if (!is_watch(asked)) {
              EXPECT_EQ(asked.params.at("limit"), "500");
              if (!asked.params.contains("continue"))
                return list("7", {pod("a", "Running", "3")}, "next+/=");
              EXPECT_EQ(asked.params.at("continue"), "next+/=");
              return list("7", {pod("b", "Pending", "5")});
            }
            watched.add(asked);
            const std::string added = event("ADDED", pod("c", "Pending", "8"));
            return open_stream({added.substr(0, 10),
                                added.substr(10) + event("MODIFIED", pod("a", "Succeeded", "9")),
                                event("BOOKMARK", {{"metadata", {{"resourceVersion", "12"}}}}),
                                event("DELETED", pod("b", "Pending", "13"))});
          }}});
  EXPECT_THAT(lists.next(), ElementsAre("a", "b"));
  EXPECT_EQ(changes.next(), "c Pending");
  EXPECT_EQ(changes.next(), "a Succeeded");
  EXPECT_EQ(changes.next(), "b deleted");
  const Asked watch = watched.next();
  EXPECT_EQ(watch.params.at("resourceVersion"), "7");
  EXPECT_EQ(watch.params.at("allowWatchBookmarks"), "true");
  EXPECT_EQ(watch.headers.at("authorization"), "Bearer first");
  EXPECT_EQ(health.next(), "ok");
}

TEST_F(WatchTest, WatchesOnFromTheLastVersionWhenTheServerEndsAWatch) {
  start({{"/pods", [=, this](const Asked& asked) {
            if (!is_watch(asked)) return list("7", {});
            watched.add(asked);
            if (++watches > 1) return open_stream();
            Answer ended;
            ended.pieces = {event("ADDED", pod("a", "Pending", "8")),
                            event("BOOKMARK", {{"metadata", {{"resourceVersion", "20"}}}})};
            return ended;
          }}});
  EXPECT_EQ(watched.next().params.at("resourceVersion"), "7");
  EXPECT_EQ(watched.next().params.at("resourceVersion"), "20");
  EXPECT_THAT(lists.next(), IsEmpty());
  EXPECT_TRUE(lists.empty());
}

TEST_F(WatchTest, ListsAgainWhenItIsTooFarBehind) {
  for (const bool in_stream : {true, false}) {
    listed = 0;
    watches = 0;
    const auto gone = refusal(410, "Expired", "too old resource version");
    start({{"/pods", [=, this](const Asked& asked) {
              if (!is_watch(asked))
                return list("7", ++listed == 1 ? std::vector<json>{}
                                               : std::vector{pod("x", "Running", "9")});
              if (++watches > 1) return open_stream();
              if (!in_stream) return gone;
              return open_stream({event("ERROR", json::parse(gone.body))});
            }}});
    EXPECT_THAT(lists.next(), IsEmpty());
    EXPECT_THAT(lists.next(), ElementsAre("x"));
    kube.reset();
  }
}

TEST_F(WatchTest, ListsAgainWhenAPageHasExpiredOrTheStreamBreaks) {
  start({{"/pods", [=, this](const Asked& asked) {
            if (is_watch(asked)) return open_stream();
            if (asked.params.contains("continue"))
              return refusal(410, "Expired", "the continue token has expired");
            return ++listed == 1 ? list("7", {pod("half", "Running", "3")}, "next")
                                 : list("9", {pod("whole", "Running", "8")});
          }}});
  EXPECT_THAT(lists.next(), ElementsAre("whole"));
  EXPECT_EQ(health.next(), "ok");
  kube->server.end_streams();
  EXPECT_THAT(lists.next(), ElementsAre("whole"));
}

TEST_F(WatchTest, SaysWhatIsWrongAndWhenItIsOver) {
  broken = true;
  start({{"/pods", [=, this](const Asked& asked) {
            if (broken) return refusal(500, "InternalError", "etcdserver: no leader");
            return quiet(asked);
          }}});
  const std::string problem = health.next();
  EXPECT_THAT(problem, HasSubstr("pods"));
  EXPECT_THAT(problem, HasSubstr("no leader"));
  broken = false;
  EXPECT_EQ(health.next(), "ok");
  EXPECT_THAT(lists.next(), IsEmpty());
}

TEST_F(WatchTest, MissingRightsAreNamed) {
  start({{"/resourcequotas", [](const Asked&) {
            return refusal(403, "Forbidden", "cannot list resource \"resourcequotas\"");
          }}});
  EXPECT_THAT(health.next(), HasSubstr("cannot list resource \"resourcequotas\""));
}

TEST_F(WatchTest, DoesWithoutNodes) {
  start({{"/nodes", [](const Asked&) {
            return refusal(403, "Forbidden", "cannot list resource \"nodes\"");
          }}});
  EXPECT_THAT(nodes.next(), IsEmpty());
  EXPECT_EQ(health.next(), "ok");
}

TEST_F(WatchTest, TellsOfNodesOnlyWhenTheyChange) {
  const auto node = [](const std::string& version, const std::string& gpus) {
    return json{{"metadata", {{"name", "n"}, {"resourceVersion", version}}},
                {"status", {{"allocatable", {{"nvidia.com/gpu", gpus}}}}}};
  };
  start({{"/nodes", [=](const Asked& asked) {
            if (!is_watch(asked)) return list("1", {node("1", "8")});
            return open_stream({event("MODIFIED", node("2", "8")),
                                event("MODIFIED", node("3", "4")),
                                event("MODIFIED", node("4", "2"))});
          }}});
  EXPECT_EQ(nodes.next().at(0).allocatable.gpus, 8);
  EXPECT_EQ(nodes.next().at(0).allocatable.gpus, 2);
}

TEST_F(WatchTest, TellsOfQuotasAlsoWhenOnlyTheirUseHasChanged) {
  const auto quota = [](const std::string& version, const std::string& used) {
    return json{{"metadata", {{"name", "q"}, {"resourceVersion", version}}},
                {"spec", {{"hard", {{"pods", "4"}}}}},
                {"status", {{"used", {{"pods", used}}}}}};
  };
  start({{"/resourcequotas",
          [=](const Asked& asked) {
            if (!is_watch(asked)) return list("1", {quota("1", "4")});
            return open_stream({event("MODIFIED", quota("2", "3"))});
          }},
         {"/limitranges", [](const Asked& asked) {
            if (!is_watch(asked)) return list("1", {});
            return open_stream(
                {event("ADDED", json::parse(R"({"metadata": {"name": "l", "resourceVersion": "2"},
                "spec": {"limits": [{"type": "Pod", "max": {"cpu": "2"}}]}})"))});
          }}});
  EXPECT_THAT(quotas.next().at(0).used, ElementsAre(Pair("pods", 4)));
  EXPECT_THAT(quotas.next().at(0).used, ElementsAre(Pair("pods", 3)));
  EXPECT_EQ(limits.next(), PodLimits{});
  EXPECT_EQ(limits.next().cpu_millicores, 2000);
}

TEST_F(WatchTest, FollowsConfigMaps) {
  const auto map = [](const std::string& version, const std::string& value) {
    return json{{"metadata", {{"name", "policies"}, {"resourceVersion", version}}},
                {"data", {{"k", value}}}};
  };
  start({{"/configmaps",
          [=](const Asked& asked) {
            EXPECT_EQ(asked.params.at("fieldSelector"), "metadata.name=policies");
            if (!is_watch(asked)) return list("1", {});
            return open_stream({event("ADDED", map("2", "v")), event("MODIFIED", map("3", "w")),
                                event("DELETED", map("4", "w"))});
          }}},
        {"policies"});
  const auto absent = config.next();
  EXPECT_EQ(absent.first, "policies");
  EXPECT_FALSE(absent.second);
  EXPECT_EQ(config.next().second->at("k"), "v");
  EXPECT_EQ(config.next().second->at("k"), "w");
  EXPECT_FALSE(config.next().second);
}

}  // namespace
}  // namespace oppen::kube
