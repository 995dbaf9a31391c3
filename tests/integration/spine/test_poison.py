"""A record that crashes the scheduler is set aside after three have died of it, and the next one is handled."""

import pytest

META = "{oppen.scheduler}:meta"


@pytest.fixture
def world(rough_world):
    return rough_world


def start_with(world, text):
    world.stack.redis("HSET", META, "trying:jobs", text)
    world.scheduler.start().wait_ready()


def test_a_record_that_three_have_died_of(world, bus, jobs):
    """The count of those that began it and did not finish stands in Redis, as it would after three crashes."""
    assert world.scheduler.stop() == 0
    deadly, next_one = jobs.spec("deadly"), jobs.spec("next")
    offset = bus.submit(deadly, next_one)[0]
    start_with(world, f"{offset} 3 somebody")
    letter = bus.wait_dead_letter(offset)
    assert b"3 schedulers have begun this record" in letter.headers["oppen_error"]
    bus.wait_ended([next_one["job_id"]])
    assert bus.story(deadly["job_id"]) == []


def test_one_that_two_have_died_of_is_tried_again(world, bus, jobs):
    """Being killed while a record is handled does not make it a bad one at once; handled, it is counted no longer."""
    assert world.scheduler.stop() == 0
    spec = jobs.spec("unlucky")
    offset = bus.submit(spec)[0]
    start_with(world, f"{offset} 2 somebody")
    bus.wait_ended([spec["job_id"]])
    assert bus.dead_letter(offset) is None
    assert world.stack.redis("HGET", META, "trying:jobs") == ""


def test_a_count_of_another_record_says_nothing(world, bus, jobs):
    """It is of the very offset."""
    assert world.scheduler.stop() == 0
    spec = jobs.spec("innocent")
    offset = bus.submit(spec)[0]
    start_with(world, f"{offset + 1} 3 somebody")
    bus.wait_ended([spec["job_id"]])
    assert bus.dead_letter(offset) is None
