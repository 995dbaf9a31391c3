"""A paused queue launches nothing, whatever dies meanwhile, until it is resumed or the pause is over; overrides that are wrong are set aside."""

import os
import subprocess

import pytest
from harness.worker import program

META = "{oppen.scheduler}:meta"


@pytest.fixture
def world(rough_world):
    return rough_world


@pytest.fixture
def queue(world):
    """Runs `oppen queue ...`; afterwards the queue goes on."""

    def run(*arguments):
        done = subprocess.run(
            [program("oppen"), "queue", *arguments],
            env={**os.environ, **world.stack.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run
    run("resume")


def overrides(bus):
    """key -> value, as the last policy.changed tells."""
    changes = [record for record in bus.records("oppen.control") if record.type == "policy.changed"]
    return {change["key"]: change["value"] for change in changes[-1].data.get("overrides", [])}


def only_queued(bus, jobs, *names):
    """They have been taken in, and nothing else has been published of them."""
    ids = [jobs.id(name) for name in names]
    bus.wait_queued(ids)
    bus.caught_up()
    return all(bus.story(job_id) == ["queued"] for job_id in ids)


def test_nothing_is_launched_until_the_queue_is_resumed(world, bus, jobs, queue):
    """What runs ends and is followed, submissions are answered, and the console is told why nothing goes."""
    runs = jobs.spec("runs", seconds=3)
    bus.submit(runs)
    bus.wait_event(runs["job_id"], "started")
    assert "paused" in queue("pause", "--reason", "new drivers")
    bus.caught_up()
    assert overrides(bus)["queue_paused"] == "true"
    bus.submit(jobs.spec("waits"), jobs.spec("urgent", priority="urgent"))
    bus.wait_ended([runs["job_id"]])
    assert bus.story(runs["job_id"])[-1] == "succeeded"
    assert only_queued(bus, jobs, "waits", "urgent")
    assert world.stack.redis("HGET", META, "head_waits") == "the queue is paused"
    assert "goes on" in queue("resume")
    bus.wait_ended([jobs.id("waits"), jobs.id("urgent")])
    assert bus.story(jobs.id("waits")) == ["queued", "launched", "started", "succeeded"]


def test_a_pause_outlives_the_scheduler_and_redis(world, bus, jobs, queue):
    """kill -9, then kill -9 and an emptied Redis: neither the next start launches anything."""
    queue("pause")
    bus.submit(jobs.spec("first"))
    bus.wait_queued([jobs.id("first")])
    world.scheduler.kill()
    world.scheduler.start().wait_ready()
    bus.submit(jobs.spec("second"))
    assert only_queued(bus, jobs, "first", "second")
    world.scheduler.kill()
    world.stack.redis("FLUSHALL")
    world.scheduler.start().wait_ready()
    bus.submit(jobs.spec("third"))
    assert only_queued(bus, jobs, "first", "second", "third")
    assert overrides(bus)["queue_paused"] == "true"
    queue("resume")
    bus.wait_ended([jobs.id(name) for name in ("first", "second", "third")])


def test_a_pause_with_an_end_is_over_by_itself(world, bus, jobs, queue):
    """The job goes without a resume, but not before the end, and the end is told."""
    queue("pause", "--for", "15s")
    bus.caught_up()
    until = [record for record in bus.records("oppen.control") if record.type == "policy.override"][-1].data["until"]
    bus.submit(jobs.spec("waits"))
    bus.wait_ended([jobs.id("waits")])
    assert bus.events(jobs.id("waits"), "launched")[0].record.time >= until
    bus.caught_up()
    assert "queue_paused" not in overrides(bus)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"key": "queue_paused", "value": "maybe"}, 'queue_paused is "maybe"'),
        ({"key": "max_concurrent_jobs", "value": "0"}, 'max_concurrent_jobs is "0"'),
        ({"key": "no_such_key", "value": "1"}, 'key is "no_such_key"'),
        ({"key": "queue_paused"}, "value"),
        (None, "JSON"),
    ],
    ids=["value", "range", "key", "field", "json"],
)
def test_a_wrong_override_is_set_aside(bus, jobs, queue, data, told):
    """With a reason that names what is wrong; nothing changes, and the next one is taken."""
    bus.caught_up()
    before = overrides(bus)
    value, key, headers = bus.command("policy.override", data, "queue_paused")
    offset = bus.produce(b"{no" if data is None else value, key, headers, topic="oppen.control")
    letter = bus.wait_for("its dead letter", lambda: bus.dead_letter(offset, "oppen.control"))
    assert told in letter.headers["oppen_error"].decode(), letter.headers["oppen_error"]
    assert overrides(bus) == before
    queue("resume")
    bus.submit(jobs.spec("runs"))
    bus.wait_ended([jobs.id("runs")])
    assert bus.story(jobs.id("runs"))[-1] == "succeeded"
