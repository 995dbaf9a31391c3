"""What the scheduler foresees: how long runs take, who may pass one that waits, and what no node is large enough for."""

import itertools

from harness.waiting import wait_until


def test_what_jobs_are_told_follows_what_runs_take(bus, jobs, policies):
    """The catalogue says minutes; runs of a second teach better, each one more, and what the next job is told is nearly that."""
    policies.set(model_catalog='{"sprint": {"image": "oppen.dev/simulated:1", "seconds_per_epoch": 600}}')

    def told(name):
        spec = {**jobs.spec(name, seconds=1), "model_type": "sprint"}
        bus.submit(spec)
        bus.wait_ended([spec["job_id"]])
        assert bus.story(spec["job_id"])[-1] == "succeeded"
        return bus.wait_event(spec["job_id"], "queued")["estimated_duration_seconds"]

    first, *later = [told(str(number)) for number in range(6)]
    assert first == 600
    assert later[0] < 300 and later[-1] < 10


def test_a_short_job_passes_one_that_waits_for_room(world, bus, jobs, policies):
    """With backfill a job that ends in time is launched before one that waits for CPU, one that does not is not; what it waits for
    and until when at the latest is told. Nothing else changes the order."""
    policies.set(backfill_enabled="true", max_concurrent_jobs=10)

    def spec(name, cpu, max_runtime, seconds=0.2):
        return jobs.spec(name, seconds=seconds, resources={"cpu": cpu}, max_runtime_seconds=max_runtime)

    running = [spec("eight", "8", 3600, 600), spec("seven", "7500m", 1800, 600)]  # of 16
    bus.submit(*running)
    for one in running:
        bus.wait_event(one["job_id"], "started")
    head, long, short = spec("head", "8", 60), spec("long", "100m", 7200), spec("short", "100m", 60)
    bus.submit(head)
    bus.wait_queued([head["job_id"]])
    bus.submit(long, short)
    bus.wait_ended([short["job_id"]])
    assert bus.story(short["job_id"])[-1] == "succeeded"
    assert bus.story(head["job_id"]) == bus.story(long["job_id"]) == ["queued"]
    def head_waits():
        return world.stack.redis("HGET", "{oppen.scheduler}:meta", "head_waits")

    # Kubernetes counts the quota anew only after the short one's end is known.
    what = "needs 8 cpu, 500m cpu free; it can start by 20"
    wait_until(what, lambda: what in head_waits(), explain=head_waits)
    assert world.scheduler.metric("oppen_backfilled_total") >= 1
    bus.cancel(job_id=running[1]["job_id"])
    bus.wait_ended([head["job_id"], long["job_id"]])
    order = [bus.events(one["job_id"], "launched")[0].record.time for one in (short, head, long)]
    assert order == sorted(order)


def test_what_no_node_is_large_enough_for_is_refused(bus, kube, jobs):
    """Where quota and LimitRange would let a job have more GPUs than a node has, it is refused and the largest node is named. A GPU
    type that no node has may come: such a job is queued."""
    quota, limits = "resourcequotas/ml-training-quota", "limitranges/ml-training-limits"
    before = kube.get(quota)["spec"]["hard"], kube.get(limits)["spec"]["limits"]
    probes = itertools.count()

    def refusal(**wanted):
        spec = jobs.spec(f"probe-{next(probes)}", resources=wanted)
        bus.submit(spec)
        return bus.wait_event(spec["job_id"], "rejected")["reason"]

    try:
        kube.patch(quota, {"spec": {"hard": {"requests.nvidia.com/gpu": "100"}}})
        kube.patch(limits, {"spec": {"limits": [{"type": "Pod", "max": {"nvidia.com/gpu": "100", "cpu": "8", "memory": "16Gi"}}]}})
        bus.wait_for("the bounds to be known", lambda: "node" in refusal(gpus=9))
        assert refusal(gpus=9) == "needs 9 gpus, the largest node has 8 gpus"
        assert refusal(gpus=9, gpu_type="V100") == "needs 9 gpus, the largest node has 8 gpus (of those with GPU type V100)"
        may_come = jobs.spec("may-come", resources={"gpus": 9, "gpu_type": "H900"})
        bus.submit(may_come)
        bus.wait_queued([may_come["job_id"]])
    finally:
        kube.patch(quota, {"spec": {"hard": before[0]}})
        kube.patch(limits, {"spec": {"limits": before[1]}})
