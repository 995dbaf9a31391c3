"""A batch is queued whole or not at all, and every fault in it is named."""

import pytest


def queued_none(bus, jobs, count):
    return not any(bus.events(jobs.id(str(number))) for number in range(count))


def errors_of(bus, batch_id):
    """{(index, field): reason}"""
    rejected = bus.wait_event(batch_id, "batch.rejected")
    return {(error["index"], error.get("field", "")): error["reason"] for error in rejected["errors"]}


def test_a_hundred_jobs_at_once(bus, jobs, policies):
    """100 jobs are queued by one event, in the order of the batch, with one batch.queued that names ids, places and their cost;
    all of them run."""
    policies.set(max_concurrent_jobs=8)
    batch_id, specs = jobs.id("batch"), jobs.specs(100, seconds=0)
    ids = [spec["job_id"] for spec in specs]
    offset = bus.submit_batch(batch_id, specs)
    queued = bus.wait_event(batch_id, "batch.queued")
    assert queued["jobs"] == ids and queued["positions"] == list(range(1, 101))
    bus.wait_queued(ids)
    events = [bus.events(job_id, "queued")[0].data for job_id in ids]
    assert queued["estimated_cost_microusd"] == sum(event["estimated_cost_microusd"] for event in events)
    for number, event in enumerate(events):
        assert (event["batch_id"], event["source_offset"], event["position"]) == (batch_id, offset, number + 1)
        assert (event.get("batch_index", 0), event["seq"]) == (number, 1)
    bus.wait_ended(ids, deadline=180)
    assert {tuple(bus.story(job_id)) for job_id in ids} == {("queued", "launched", "started", "succeeded")}


def test_one_bad_job_and_none_is_queued(bus, jobs):
    """Every fault of every job is named with its index and field; nothing is queued, and the ids stay free."""
    specs = jobs.specs(20)
    good = [dict(spec) for spec in specs]
    specs[3]["epochs"] = 0
    specs[3]["priority"] = "high"
    specs[7]["model_type"] = "no-such-model"
    specs[11]["resources"] = {"gpus": 3}
    specs[15]["after"] = [specs[16]["job_id"]]
    specs[16]["after"] = [specs[15]["job_id"]]
    bus.submit_batch(jobs.id("batch"), specs)
    errors = errors_of(bus, jobs.id("batch"))
    assert {(3, "epochs"), (3, "priority")} <= errors.keys()
    assert "high" in errors[3, "priority"] and "0" in errors[3, "epochs"]
    del specs[3]["epochs"], specs[3]["priority"]
    bus.submit_batch(jobs.id("batch-2"), specs)
    errors = errors_of(bus, jobs.id("batch-2"))
    assert errors.keys() == {(7, "model_type"), (11, "resources"), (15, "after")}
    assert "no-such-model" in errors[7, "model_type"] and "3 gpus" in errors[11, "resources"]
    assert queued_none(bus, jobs, 20)
    bus.submit_batch(jobs.id("batch-3"), good)
    bus.wait_ended([spec["job_id"] for spec in good])


def test_ceiling(bus, jobs):
    """A batch above its max_total_microusd is rejected, with both amounts; the same jobs with enough of it are queued."""
    specs = jobs.specs(5)
    bus.submit_batch(jobs.id("poor"), specs, max_total_microusd=10)
    [(place, reason)] = errors_of(bus, jobs.id("poor")).items()
    assert place == (-1, "max_total_microusd") and "ceiling" in reason
    assert queued_none(bus, jobs, 5)
    bus.submit_batch(jobs.id("rich"), specs, max_total_microusd=1_000_000_000)
    cost = bus.wait_event(jobs.id("rich"), "batch.queued")["estimated_cost_microusd"]
    assert 10 < cost <= 1_000_000_000
    bus.wait_ended([spec["job_id"] for spec in specs])


def test_the_same_batch_twice(bus, jobs):
    """The same again is batch.duplicate without conflict, other jobs under its id with conflict; nothing is queued twice."""
    specs = jobs.specs(3)
    batch_id, ids = jobs.id("batch"), [spec["job_id"] for spec in specs]
    bus.submit_batch(batch_id, specs)
    bus.wait_event(batch_id, "batch.queued")
    bus.submit_batch(batch_id, specs)
    assert bus.wait_event(batch_id, "batch.duplicate")["conflict"] is False
    bus.submit_batch(batch_id, [jobs.spec("another")])
    assert bus.wait_event(batch_id, "batch.duplicate", count=2)["conflict"] is True
    bus.wait_ended(ids)
    assert len(bus.events(batch_id, "batch.queued")) == 1
    assert all(len(bus.events(job_id, "queued")) == 1 for job_id in ids)
    assert bus.events(jobs.id("another")) == []


def test_a_batch_that_comes_twice_at_once(bus, jobs):
    """The same batch again while the first is still looked at: one answer for both, or a duplicate without conflict."""
    specs = jobs.specs(50, seconds=0)
    command = bus.command("batch.submit", {"batch_id": jobs.id("batch"), "jobs": specs}, jobs.id("batch"))
    bus.produce_all([command] * 5)
    bus.wait_ended([spec["job_id"] for spec in specs])
    kinds = [event.kind for event in bus.events(jobs.id("batch"))]
    assert kinds.count("batch.queued") == 1 and set(kinds) <= {"batch.queued", "batch.duplicate"}
    assert not any(event.data["conflict"] for event in bus.events(jobs.id("batch"), "batch.duplicate"))
    assert all(len(bus.events(spec["job_id"], "queued")) == 1 for spec in specs)


def test_parts_in_any_order(bus, jobs):
    """A batch in three parts, which come out of order and one of them twice, counts when all are there: in the order of its parts."""
    specs = jobs.specs(6, seconds=0)
    batch_id, ids = jobs.id("batch"), [spec["job_id"] for spec in specs]
    for part in (3, 1, 3):
        bus.submit_batch(batch_id, specs[2 * part - 2 : 2 * part], part=part, parts=3)
    other = jobs.spec("other")
    bus.submit(other)
    bus.wait_ended([other["job_id"]])
    assert queued_none(bus, jobs, 6), "queued before all parts were there"
    bus.submit_batch(batch_id, specs[2:4], part=2, parts=3)
    assert bus.wait_event(batch_id, "batch.queued")["jobs"] == ids
    bus.wait_ended(ids)
    assert len(bus.events(batch_id, "batch.queued")) == 1


def test_a_part_of_another_batch_is_no_part(bus, jobs):
    """A part that comes with another content, or says another number of parts, does not pass for the first one."""
    specs = jobs.specs(4)
    batch_id = jobs.id("batch")
    bus.submit_batch(batch_id, specs[:2], part=1, parts=2)
    bus.submit_batch(batch_id, specs[2:], part=1, parts=2)
    assert bus.wait_event(batch_id, "batch.duplicate")["conflict"] is True
    bus.submit_batch(batch_id, specs[2:], part=3, parts=3)
    assert (-1, "parts") in errors_of(bus, batch_id)
    assert queued_none(bus, jobs, 4)


def test_an_id_twice_in_a_batch(bus, jobs):
    """Two jobs of one id: rejected, and both places are named."""
    specs = jobs.specs(3)
    specs[2]["job_id"] = specs[0]["job_id"]
    bus.submit_batch(jobs.id("batch"), specs)
    errors = errors_of(bus, jobs.id("batch"))
    assert errors.keys() == {(2, "job_id")} and "0" in errors[2, "job_id"]
    assert queued_none(bus, jobs, 3)


def test_an_id_that_is_taken(bus, jobs):
    """An id that another job has already: rejected, with the job named, and the others not queued."""
    specs = jobs.specs(3)
    bus.submit(specs[1])
    bus.wait_queued([specs[1]["job_id"]])
    bus.submit_batch(jobs.id("batch"), specs)
    errors = errors_of(bus, jobs.id("batch"))
    assert errors.keys() == {(1, "job_id")} and specs[1]["job_id"] in errors[1, "job_id"]
    assert not bus.events(specs[0]["job_id"]) and not bus.events(specs[2]["job_id"])
    bus.wait_ended([specs[1]["job_id"]])


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        ({"jobs": []}, "jobs"),
        ({"jobs": "many"}, "jobs"),
        ({}, "jobs"),
        ({"jobs": [5]}, ""),
        ({"jobs": [{"job_id": "a-job", "model_type": "mnist"}], "part": 2, "parts": 1}, "part"),
        ({"jobs": [{"job_id": "a-job", "model_type": "mnist"}], "max_total_microusd": -1}, "max_total_microusd"),
    ],
    ids=["empty", "text", "none", "number", "part", "ceiling"],
)
def test_what_is_no_batch(bus, jobs, batch, field):
    """A batch whose id can be read is answered by batch.rejected with the field."""
    batch_id = jobs.id("batch")
    bus.produce_all([bus.command("batch.submit", {"batch_id": batch_id, **batch}, batch_id)])
    assert field in {field for _, field in errors_of(bus, batch_id)}
    assert not bus.events("a-job")


def test_ten_thousand_jobs(bus, jobs, policies):
    """10,000 jobs are queued whole, in order, and a job that is submitted meanwhile does not wait for them; one command cancels
    them all."""
    policies.set(max_concurrent_jobs=1)
    blocker = jobs.spec("blocker", seconds=600, priority="urgent")
    bus.submit(blocker)
    bus.wait_event(blocker["job_id"], "started")
    specs = [{"job_id": jobs.id(str(number)), "model_type": "mnist"} for number in range(10_000)]
    ids = [spec["job_id"] for spec in specs]
    batch_id, parts = jobs.id("batch"), 4
    size = len(specs) // parts
    for part in range(1, parts + 1):
        bus.submit_batch(batch_id, specs[size * (part - 1) : size * part], part=part, parts=parts)
    bus.submit(jobs.spec("meanwhile", priority="urgent"))
    bus.wait_queued([jobs.id("meanwhile")])
    assert bus.wait_event(batch_id, "batch.queued", deadline=120)["jobs"] == ids
    bus.wait_queued(ids, deadline=120)
    assert [bus.events(job_id)[0].data["batch_index"] for job_id in ids[1:]] == list(range(1, 10_000))
    bus.cancel(batch_id=batch_id)
    bus.cancel(job_id=blocker["job_id"])
    bus.wait_ended([*ids, blocker["job_id"], jobs.id("meanwhile")], deadline=180)
    assert {tuple(bus.story(job_id)) for job_id in ids} == {("queued", "cancelled")}
