"""The same submission twice does nothing twice, and says so."""


def test_the_same_event_twice_runs_once(bus, kube, jobs):
    """The very same event, delivered three times, gives one run and two job.duplicate without conflict."""
    spec = jobs.spec("same")
    command = bus.command("job.submit", spec, spec["job_id"], event_id=spec["job_id"])
    bus.produce_all([command, command, command])
    job_id = spec["job_id"]
    bus.wait_ended([job_id])
    bus.wait_event(job_id, "duplicate", count=2)
    first = bus.events(job_id, "queued")[0]
    for event in bus.events(job_id, "duplicate"):
        assert event.data["conflict"] is False and event.data["first_seen"] == first.record.time
    assert bus.story(job_id) == ["queued", "launched", "started", "succeeded"]
    assert len(kube.pods([job_id])) == 1


def test_another_event_with_the_same_job(bus, jobs):
    """Same id, same spec, in another event and with its fields in another order: no conflict, also when the job has ended."""
    spec = jobs.spec("again")
    bus.submit(spec)
    bus.wait_ended([spec["job_id"]])
    bus.submit(dict(reversed(spec.items())))
    duplicate = bus.wait_event(spec["job_id"], "duplicate")
    assert duplicate["conflict"] is False and duplicate["state"] == "succeeded" and duplicate["seq"] == 4
    assert bus.story(spec["job_id"])[-1] == "succeeded"


def test_another_job_of_the_same_id_is_a_conflict(bus, jobs):
    """Same id, other spec: a conflict. The first one stands and runs as it was."""
    first = jobs.spec("taken", epochs=2)
    other = {**first, "epochs": 3}
    broken = {**first, "epochs": "many"}
    bus.submit(first, other, broken)
    job_id = first["job_id"]
    bus.wait_ended([job_id])
    bus.wait_event(job_id, "duplicate", count=2)
    assert [event.data["conflict"] for event in bus.events(job_id, "duplicate")] == [True, True]
    assert all(step.data["epochs"] == 2 for step in bus.life(job_id))
    assert bus.story(job_id) == ["queued", "launched", "started", "succeeded"]


def test_what_was_rejected_may_come_again(bus, jobs):
    """A rejected id is free: the corrected job runs, and seq goes on from the rejection."""
    wrong = jobs.spec("corrected", epochs=0)
    bus.submit(wrong)
    job_id = wrong["job_id"]
    assert bus.wait_event(job_id, "rejected")["seq"] == 1
    bus.submit({**wrong, "epochs": 1})
    bus.wait_event(job_id, "succeeded")
    assert bus.story(job_id) == ["rejected", "queued", "launched", "started", "succeeded"]
    assert [step.seq for step in bus.life(job_id)] == [1, 2, 3, 4, 5]
