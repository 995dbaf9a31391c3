"""The ConfigMaps are read while the scheduler runs: a good change holds at once and is an event, a bad one is refused."""

import pytest

SCHEDULING, COST = "configmaps/scheduling-policies", "configmaps/cost-model"


def test_a_change_holds_at_once(bus, jobs, policies):
    """A slot more lets the waiting job go, and policy.changed tells both ConfigMaps whole, from when on."""
    policies.set(max_concurrent_jobs=1)
    blocker = jobs.spec("blocker", seconds=600)
    bus.submit(blocker, jobs.spec("waiting"))
    bus.wait_event(blocker["job_id"], "started")
    bus.wait_queued([jobs.id("waiting")])
    assert bus.story(jobs.id("waiting")) == ["queued"]
    policies.set(max_concurrent_jobs=2)
    bus.wait_ended([jobs.id("waiting")])
    changed = policies.changes()[-1]
    assert changed.key == "policy" and changed.data["effective_from"]
    assert changed.data["scheduling_policies"]["max_concurrent_jobs"] == "2"
    assert len(changed.data["scheduling_policies"]) >= 9 and len(changed.data["cost_model"]) == 11


def test_a_new_model_is_known_at_once(bus, kube, jobs, policies):
    """An entry added to the catalogue can be submitted, with its image, command, amounts and pod template."""
    catalogue = """{"mnist": {"image": "oppen.dev/simulated:1"}, "tiny": {"image": "oppen.dev/simulated:2", "command": ["train"],
      "resources": {"gpus": 0, "cpu": "50m", "memory": "32Mi"},
      "pod_template": {"tolerations": [{"key": "tests", "operator": "Exists"}]}}}"""
    policies.set(model_catalog=catalogue)
    bus.submit({"job_id": jobs.id("tiny"), "model_type": "tiny", "env": {"SIMULATED_DURATION": "1s"}})
    bus.wait_event(jobs.id("tiny"), "launched")
    spec = kube.pod(jobs.id("tiny") + "-1")["spec"]
    assert spec["containers"][0]["image"] == "oppen.dev/simulated:2" and spec["containers"][0]["command"] == ["train"]
    assert spec["containers"][0]["resources"]["requests"]["cpu"] == "50m"
    assert {"key": "tests", "operator": "Exists"} in spec["tolerations"]
    bus.wait_ended([jobs.id("tiny")])
    assert bus.story(jobs.id("tiny"))[-1] == "succeeded"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("max_concurrent_jobs", "many", 'max_concurrent_jobs is "many"'),
        ("max_concurrent_jobs", "0", 'max_concurrent_jobs is "0"'),
        ("default_priority", "highest", 'default_priority is "highest"'),
        ("gpu_utilization_target", "95", "gpu_utilization_target is 95"),
        ("model_catalog", "{", 'model_catalog is "{"'),
        ("model_catalog", '{"mnist": {"image": 5}}', "model_catalog.mnist.image is 5"),
        ("no_such_key", "1", "no_such_key is"),
    ],
)
def test_a_bad_value_is_refused(world, bus, kube, jobs, policies, key, value, told):
    """The last good policy stays in force and nothing is published; the log names key and value, a metric counts it; the next good
    change is taken."""

    def refused():
        return world.scheduler.metric("oppen_policy_refused_total") or 0

    refused_before, log_before = refused(), world.scheduler.log.stat().st_size
    before = policies.in_force()
    kube.patch(SCHEDULING, {"data": {key: value}})
    world.scheduler.wait("the change is refused", lambda: refused() > refused_before)
    log = world.scheduler.log.read_bytes()[log_before:].decode()
    assert [line for line in log.splitlines() if "is refused" in line and told in line], log
    spec = jobs.spec("meanwhile")
    bus.submit(spec)
    bus.wait_ended([spec["job_id"]])
    assert bus.story(spec["job_id"])[-1] == "succeeded"
    changes = len(policies.changes())
    good = {key: before.get(key), "max_concurrent_jobs": "4"}
    policies.set(**good)
    assert [change.data["scheduling_policies"] for change in policies.changes()[changes - 1 :]] == [
        before,
        {**before, "max_concurrent_jobs": "4"},
    ], "the bad value was published"


def test_the_cost_model_is_read_as_well(bus, kube, jobs, policies):
    """Doubled rates double the estimate of the next job; a bad rate is refused and the last good one kept."""
    before = kube.get(COST)["data"]
    bus.submit(jobs.spec("before", seconds=600))  # what ends is learned from, and changes the next estimate
    cost = bus.wait_event(jobs.id("before"), "queued")["estimated_cost_microusd"]

    def rates():
        return policies.changes()[-1].data["cost_model"]

    names = ("gpu_hourly_usd", "cpu_only_hourly_usd", "cpu_core_hourly_usd", "memory_gb_hourly_usd")
    doubled = {name: str(2 * float(before[name])) for name in names}
    try:
        kube.patch(COST, {"data": doubled})
        bus.wait_for("the new rates", lambda: rates()["cpu_only_hourly_usd"] == doubled["cpu_only_hourly_usd"])
        bus.submit(jobs.spec("after"))
        after = bus.wait_event(jobs.id("after"), "queued")["estimated_cost_microusd"]
        assert abs(after - 2 * cost) <= 2
        kube.patch(COST, {"data": {"cpu_only_hourly_usd": "cheap"}})
        policies.set(max_concurrent_jobs=5)  # a later change: what it tells is what is in force
        assert rates()["cpu_only_hourly_usd"] == doubled["cpu_only_hourly_usd"]
    finally:
        kube.patch(COST, {"data": before})
        bus.wait_for("the old rates", lambda: rates() == before)
