"""What does not agree is found, named and counted: by the leader's audit, and by oppen-scheduler --verify, which changes nothing. Where
everything agrees both are silent, also while jobs run."""

import pytest
from harness.verify import drifts, run_scheduler, verify
from harness.waiting import wait_until
from harness.worker import Worker, free_port

KEYS = "{oppen.scheduler}:"


@pytest.fixture
def world(rough_world):
    return rough_world


@pytest.fixture(scope="module")
def leader(rough_world):
    """A scheduler that audits every second instead of the usual one."""
    rough_world.scheduler.stop()
    worker = Worker(
        rough_world.stack,
        "oppen-scheduler",
        "KUBECONFIG_SCHEDULER",
        rough_world.logs,
        label="auditing",
        settings={"OPPEN_AUDIT_INTERVAL": "1"},
    )
    worker.start().wait_ready()
    yield worker
    worker.stop()
    rough_world.scheduler.start().wait_ready()


def counted(leader, kind):
    return leader.metric(f'oppen_drift_total{{kind="{kind}"}}')


def everything_counted(leader):
    lines = [line for line in leader.get("/metrics")[1].splitlines() if line.startswith("oppen_drift_total{")]
    return {line.split()[0]: float(line.split()[1]) for line in lines}


def test_nothing_drifts(world, leader, bus, jobs, policies):
    """Sixty jobs in three priorities and a batch, cancelled ones among them: --verify agrees with them while they run, and after."""
    policies.set(max_concurrent_jobs=6)
    before = everything_counted(leader)
    assert before, "no counters"
    priorities = ("urgent", "normal", "background")
    specs = [jobs.spec(str(n), seconds=0.5, priority=priorities[n % 3]) for n in range(60)]
    bus.submit(*specs[:40])
    bus.submit_batch(jobs.id("batch"), specs[40:])
    ids = [spec["job_id"] for spec in specs]
    bus.wait_queued(ids)
    for job_id in ids[30:36]:
        bus.cancel(job_id=job_id)
    code, report = verify(world.stack)
    assert code == 0, report
    bus.wait_ended(ids)
    code, report = verify(world.stack)
    assert code == 0, report
    assert report["jobs"] >= 60 and report["events"] >= 4 * 54 and report["records"] >= 60
    assert everything_counted(leader) == before, leader.tail()


@pytest.mark.parametrize(
    ("field", "kind"),
    [("gpus:n", "gpus"), ("pods:u", "slots"), ("queued:b", "queued"), ("cost:n", "queued_cost")],
)
def test_a_sum_that_was_changed_by_hand(world, leader, bus, jobs, field, kind):
    """Both find it, name it, and say what heals it; set right, it is gone."""
    del bus, jobs
    priority = {"n": "normal", "u": "urgent", "b": "background"}[field[-1]]
    before = counted(leader, kind)
    world.stack.redis("HINCRBY", KEYS + "counters", field, "1")
    try:
        leader.wait(f"the drift of {kind} is counted", lambda: counted(leader, kind) > before)
        assert f"drift of {kind}: {priority}: expected 0, found 1" in leader.tail()
        code, report = verify(world.stack)
        assert code == 1 and (kind, priority) in drifts(report), report
        assert all(drift["means"] and drift["heals"] for drift in report["drifts"])
    finally:
        world.stack.redis("HINCRBY", KEYS + "counters", field, "-1")
    code, report = verify(world.stack)
    assert code == 0, report


def test_a_live_attempt_that_redis_has_lost(world, leader, bus, jobs):
    """Its id is in the log line and in the report."""
    spec = jobs.spec("lost", seconds=600)
    job_id = spec["job_id"]
    bus.submit(spec)
    bus.wait_event(job_id, "started")
    before = counted(leader, "live")
    place = world.stack.redis("ZSCORE", KEYS + "live", job_id)
    world.stack.redis("ZREM", KEYS + "live", job_id)
    try:
        leader.wait("it is counted", lambda: counted(leader, "live") > before)
        assert f"drift of live: job {job_id}" in leader.tail()
        code, report = verify(world.stack)
        assert code == 1 and ("record", f"job {job_id}") in drifts(report), report
    finally:
        world.stack.redis("ZADD", KEYS + "live", place, job_id)
    assert verify(world.stack)[0] == 0


def test_a_record_that_the_log_does_not_tell_of(world, leader, bus, jobs):
    """A record that is gone is found from the log; put back, everything agrees."""
    del leader
    spec = jobs.spec("gone")
    job_id = spec["job_id"]
    bus.submit(spec)
    bus.wait_ended([job_id])
    world.stack.redis("RENAME", KEYS + "job:" + job_id, KEYS + "aside")
    try:
        code, report = verify(world.stack)
        assert code == 1 and ("log", f"job {job_id}") in drifts(report), report
    finally:
        world.stack.redis("RENAME", KEYS + "aside", KEYS + "job:" + job_id)
    assert verify(world.stack)[0] == 0


def test_without_a_leader(world, leader, bus, jobs):
    """It needs none: it says so, and finds that events wait for one, and a pod whose attempt is over."""
    spec = jobs.spec("left", seconds=600)
    bus.submit(spec)
    bus.wait_event(spec["job_id"], "started")
    assert leader.stop() == 0
    try:
        wait_until("the lease is given back", lambda: world.stack.redis("EXISTS", KEYS + "lease") == "0")
        code, report = verify(world.stack)
        assert code == 0 and "no scheduler leads" in report["notes"], report
        entry = world.stack.redis("XADD", KEYS + "outbox", "*", "e", "waits")
        try:
            code, report = verify(world.stack)
            assert code == 1 and ("outbox", "events") in drifts(report), report
        finally:
            world.stack.redis("XDEL", KEYS + "outbox", entry)
        pod = world.kube.pod(spec["job_id"] + "-1")
        metadata = pod["metadata"]
        metadata["name"] = spec["job_id"] + "-7"
        for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "finalizers"):
            metadata.pop(field, None)
        metadata["labels"]["oppen.dev/attempt"] = "7"
        world.kube.create("pods", {"metadata": metadata, "spec": pod["spec"]})
        code, report = verify(world.stack)
        assert code == 1 and ("pod_stray", f"pod {metadata['name']}") in drifts(report), report
    finally:
        leader.start().wait_ready()
    world.kube.wait_pod(metadata["name"], "gone", lambda found: found is None)
    assert verify(world.stack)[0] == 0


def test_what_it_prints(world, leader):
    """Sentences for people; exit code 3 and which service when one can't be reached; 2 for what it does not know."""
    del leader
    code, text, _ = run_scheduler(world.stack, "--verify")
    assert code == 0 and "Everything agrees." in text
    nowhere = f"127.0.0.1:{free_port()}"
    code, text, errors = run_scheduler(world.stack, "--verify", OPPEN_REDIS_URL=f"redis://{nowhere}/0")
    assert code == 3 and not text and "Redis" in errors
    code, text, errors = run_scheduler(world.stack, "--verify", OPPEN_KAFKA_BROKERS=nowhere)
    assert code == 3 and not text and errors
    assert run_scheduler(world.stack, "--verify", "-o", "xml")[0] == 2
