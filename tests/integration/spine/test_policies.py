"""The ConfigMaps are read while the scheduler runs: a good change holds at once and is an event, a bad one is refused."""

import json

import pytest
from harness.waiting import wait_until

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


def test_what_training_needs_reaches_the_pod(bus, kube, jobs, policies):
    """Shared memory, a data set's volume, tolerations, pull secrets of the template and the job's secrets: all of it is in the pod as the
    API server has it, and no value of a secret is in any event."""
    template = {
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "data", "nfs": {"server": "nas.example", "path": "/images", "readOnly": True}},
        ],
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "data", "mountPath": "/data", "readOnly": True}],
        "tolerations": [{"key": "gpu", "operator": "Equal", "value": "training", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": "registry"}],
        "terminationGracePeriodSeconds": 5,
    }
    catalogue = json.loads(policies.in_force()["model_catalog"])
    catalogue["vision"] = {"image": "oppen.dev/simulated:1", "pod_template": template}
    policies.set(model_catalog=json.dumps(catalogue))
    secret, value = jobs.id("login"), "bm8gc3VjaCB0aGluZyBpbiBhbiBldmVudA=="
    kube.create("secrets", {"metadata": {"name": secret}, "data": {"TOKEN": value}})
    job_id = jobs.id("vision")
    try:
        bus.submit(jobs.spec("vision", model_type="vision", secrets=[secret]))
        bus.wait_event(job_id, "launched")
        spec = kube.pod(f"{job_id}-1")["spec"]
        bus.wait_ended([job_id])
    finally:
        kube.delete(f"secrets/{secret}")
    assert bus.story(job_id) == ["queued", "launched", "started", "succeeded"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}
    assert volumes["data"]["nfs"] == template["volumes"][1]["nfs"]
    (train,) = spec["containers"]
    assert train["name"] == "train" and train["envFrom"] == [{"secretRef": {"name": secret}}]
    mounts = {mount["mountPath"]: mount for mount in train["volumeMounts"]}
    assert mounts["/dev/shm"]["name"] == "shm" and mounts["/data"] == template["volumeMounts"][1]
    assert template["tolerations"][0] in spec["tolerations"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}] and spec["terminationGracePeriodSeconds"] == 5
    told = [event.record.value.decode() for event in bus.events(job_id)]
    assert secret in told[0] and not [text for text in told if value in text]


def with_template(policies, template):
    catalogue = json.loads(policies.in_force()["model_catalog"])
    catalogue["checked"] = {"image": "oppen.dev/simulated:1", "pod_template": template}
    return json.dumps(catalogue)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "-1"}}]}, "spec.volumes[0].emptyDir.sizeLimit"),
        ({"volumes": [{"name": "shm", "emptyDir": {"medum": "Memory"}}]}, 'unknown field "spec.volumes[0].emptyDir.medum"'),
        ({"volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}]}, "spec.containers[0].volumeMounts[0].name"),
        ({"tolerations": [{"key": "gpu", "operator": "Near"}]}, "spec.tolerations[0].operator"),
        ({"terminationGracePeriodSeconds": "soon"}, "terminationGracePeriodSeconds"),
    ],
)
def test_a_template_that_kubernetes_refuses_is_refused(world, bus, kube, jobs, policies, template, told):
    """In the ConfigMap and in an override; Kubernetes' own words name the field. What was in force stays, and jobs go on."""
    before, log_before = policies.in_force(), world.scheduler.log.stat().st_size
    refused = world.scheduler.metric("oppen_policy_refused_total") or 0
    bad = with_template(policies, template)
    kube.patch(SCHEDULING, {"data": {"model_catalog": bad}})
    world.scheduler.wait("the change is refused", lambda: (world.scheduler.metric("oppen_policy_refused_total") or 0) > refused)
    log = world.scheduler.log.read_bytes()[log_before:].decode()
    assert [line for line in log.splitlines() if "model_catalog.checked.pod_template: " in line and told in line], log
    override = bus.command("policy.override", {"key": "model_catalog", "value": bad}, "model_catalog")
    offset = bus.produce_all([override], "oppen.control")[0]
    letter = bus.wait_for("a dead letter of the override", lambda: bus.dead_letter(offset, "oppen.control"))
    reason = letter.headers["oppen_error"].decode()
    assert reason.startswith("model_catalog.checked.pod_template: ") and told in reason
    assert policies.in_force() == before
    bus.submit(jobs.spec("meanwhile"))
    bus.wait_ended([jobs.id("meanwhile")])
    assert bus.story(jobs.id("meanwhile"))[-1] == "succeeded"


def test_a_full_quota_is_no_refusal_of_a_template(bus, kube, jobs, policies):
    """What Kubernetes refuses for quota today it may take tomorrow: the template is in force, and its job waits."""
    name = jobs.id("full")
    bus.submit(jobs.spec("running", seconds=600))
    bus.wait_event(jobs.id("running"), "started")
    kube.create("resourcequotas", {"metadata": {"name": name}, "spec": {"hard": {"pods": "1"}}})
    try:
        wait_until("the quota is full", lambda: kube.get(f"resourcequotas/{name}").get("status", {}).get("used") == {"pods": "1"})
        policies.set(model_catalog=with_template(policies, {"tolerations": [{"key": "gpu", "operator": "Exists"}]}))
        bus.submit(jobs.spec("checked", model_type="checked"))
        bus.wait_event(jobs.id("checked"), "queued")
        assert bus.story(jobs.id("checked")) == ["queued"]
    finally:
        kube.delete(f"resourcequotas/{name}")
    bus.wait_ended([jobs.id("checked")])
    assert bus.story(jobs.id("checked"))[-1] == "succeeded"


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
