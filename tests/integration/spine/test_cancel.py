"""A cancel ends a job wherever it is, and is always answered."""

import pytest


@pytest.fixture
def blocker(bus, jobs, policies):
    """Holds the only slot."""
    policies.set(max_concurrent_jobs=1)
    spec = jobs.spec("blocker", seconds=600)
    bus.submit(spec)
    bus.wait_event(spec["job_id"], "started")
    return spec["job_id"]


def test_cancel_a_queued_job(bus, kube, jobs, blocker):
    """It is gone from the queue at once and never gets a pod; who and why are told; the one behind it moves up."""
    bus.submit(jobs.spec("waiting"), jobs.spec("behind"))
    job_id, behind = jobs.id("waiting"), jobs.id("behind")
    bus.wait_queued([job_id, behind])
    bus.cancel(job_id=job_id, requested_by="ada", reason="wrong data")
    cancelled = bus.wait_event(job_id, "cancelled")
    assert (cancelled["was"], cancelled["requested_by"], cancelled["reason"]) == ("queued", "ada", "wrong data")
    assert cancelled["state"] == "cancelled" and "started_at" not in cancelled
    bus.cancel(job_id=blocker)
    bus.wait_ended([behind])
    assert bus.story(job_id) == ["queued", "cancelled"]
    assert kube.pods([job_id]) == []


def test_cancel_a_running_job(bus, kube, jobs):
    """Its pod is deleted; job.cancelled comes when it has ended, with where and how long it ran; then the pod is gone."""
    spec = jobs.spec("running", seconds=600)
    bus.submit(spec)
    job_id = spec["job_id"]
    bus.wait_event(job_id, "started")
    bus.cancel(job_id=job_id)
    cancelled = bus.wait_event(job_id, "cancelled")
    assert cancelled["was"] == "running" and cancelled["pod"] == f"{job_id}-1"
    assert cancelled["node"] and cancelled["duration_seconds"] >= 0 and cancelled["ended_at"] >= cancelled["started_at"]
    assert bus.story(job_id) == ["queued", "launched", "started", "cancelled"]
    kube.wait_pod(f"{job_id}-1", "gone", lambda pod: pod is None)


def test_cancel_a_launching_job(bus, kube, jobs):
    """A pod that no node can take is pending; a cancel ends it as well."""
    spec = jobs.spec("pending", resources={"gpus": 1, "gpu_type": "H900"})
    bus.submit(spec)
    job_id = spec["job_id"]
    bus.wait_event(job_id, "launched")
    bus.cancel(job_id=job_id)
    assert bus.wait_event(job_id, "cancelled")["was"] == "launching"
    assert bus.story(job_id) == ["queued", "launched", "cancelled"]
    kube.wait_pod(f"{job_id}-1", "gone", lambda pod: pod is None)


def test_submit_and_cancel_at_once(bus, kube, jobs):
    """Submits directly followed by their cancels, with free slots: each ends as cancelled, wherever the cancel met it, and no pod
    is left behind."""
    specs = jobs.specs(10, seconds=600)
    commands = []
    for spec in specs:
        commands.append(bus.command("job.submit", spec, spec["job_id"]))
        commands.append(bus.command("job.cancel", {"job_id": spec["job_id"]}, spec["job_id"]))
    bus.produce_all(commands)
    ids = [spec["job_id"] for spec in specs]
    bus.wait_ended(ids)
    assert {bus.story(job_id)[-1] for job_id in ids} == {"cancelled"}
    for job_id in ids:
        kube.wait_pod(f"{job_id}-1", "gone", lambda pod: pod is None)


def test_cancel_twice(bus, jobs, blocker):
    """The second cancel of a job that has ended is refused as finished; of one that is just being cancelled, job.cancelled answers
    both."""
    bus.submit(jobs.spec("waiting"))
    job_id = jobs.id("waiting")
    bus.wait_queued([job_id])
    bus.cancel(job_id=job_id)
    bus.cancel(job_id=job_id, requested_by="ada")
    refused = bus.wait_event(job_id, "cancel-refused")
    assert refused["why"] == "finished" and refused["job_id"] == job_id and refused["requested_by"] == "ada"
    bus.cancel(job_id=blocker)
    bus.cancel(job_id=blocker)
    bus.wait_ended([blocker])
    assert bus.story(blocker) == ["queued", "launched", "started", "cancelled"]


def test_cancel_what_has_succeeded(bus, jobs):
    """Refused as finished."""
    spec = jobs.spec("done")
    bus.submit(spec)
    bus.wait_ended([spec["job_id"]])
    bus.cancel(job_id=spec["job_id"])
    assert bus.wait_event(spec["job_id"], "cancel-refused")["why"] == "finished"
    assert bus.story(spec["job_id"])[-1] == "succeeded"


def test_a_cancel_before_its_submit_is_refused(bus, jobs):
    """The order of the topic counts: it is refused as unknown, and the job that comes after it runs."""
    spec = jobs.spec("early")
    job_id = spec["job_id"]
    bus.cancel(job_id=job_id)
    bus.submit(spec)
    assert bus.wait_event(job_id, "cancel-refused")["why"] == "unknown"
    bus.wait_ended([job_id])
    assert bus.story(job_id) == ["queued", "launched", "started", "succeeded"]


def test_cancel_a_batch(bus, jobs, policies):
    """One command ends the queued and the running jobs of a batch, and leaves alone those that had ended."""
    policies.set(max_concurrent_jobs=2)
    batch = [jobs.spec("quick"), *[jobs.spec(str(number), seconds=600) for number in range(5)]]
    bus.submit_batch(jobs.id("batch"), batch)
    ids = [spec["job_id"] for spec in batch]
    bus.wait_ended(ids[:1])
    for job_id in ids[1:3]:
        bus.wait_event(job_id, "started")
    bus.cancel(batch_id=jobs.id("batch"), requested_by="ada")
    bus.wait_ended(ids)
    assert bus.story(ids[0])[-1] == "succeeded"
    assert [bus.life(job_id)[-1].data["was"] for job_id in ids[1:]] == ["running"] * 2 + ["queued"] * 3
    assert all(bus.life(job_id)[-1].data["requested_by"] == "ada" for job_id in ids[1:])


def test_cancel_an_unknown_batch(bus, jobs):
    """Refused as unknown, under the batch's id."""
    bus.cancel(batch_id=jobs.id("nobody"))
    refused = bus.wait_event(jobs.id("nobody"), "cancel-refused")
    assert refused["why"] == "unknown" and refused["batch_id"] == jobs.id("nobody")


def test_a_pod_that_never_starts_is_given_up(bus, kube, jobs, policies):
    """After launch_timeout_seconds a pod that no node takes ends its attempt (launch), with the setting's name and what the cluster
    says; it is tried again as often as faults are, after a hold, and then its job has failed."""
    # Long enough for Kubernetes to have said what it waits for.
    policies.set(launch_timeout_seconds=10, max_fault_retries=1, retry_hold_seconds=1)
    spec = jobs.spec("stuck", resources={"gpus": 1, "gpu_type": "H900"})
    bus.submit(spec)
    requeued, failed = bus.wait_event(spec["job_id"], "requeued"), bus.wait_event(spec["job_id"], "failed")
    for end, why in ((requeued, "reason"), (failed, "message")):
        assert end["class"] == "launch" and "launch_timeout_seconds" in end[why]
        assert "Unschedulable" in end[why]
    assert "retry_at" in requeued and failed["attempt"] == 2
    for attempt in (1, 2):
        kube.wait_pod(f"{spec['job_id']}-{attempt}", "gone", lambda pod: pod is None)
