"""Jobs start by priority, and inside a priority as they were submitted; nobody is overtaken."""

import random

PRIORITIES = ("urgent", "normal", "background")


def submit_behind_a_blocker(bus, jobs, policies, count):
    """Random submissions that all wait together; their ids in the order in which they must start, and the blocker's."""
    policies.set(max_concurrent_jobs=1)
    blocker = jobs.spec("blocker", seconds=600, priority="urgent")
    bus.submit(blocker)
    bus.wait_event(blocker["job_id"], "started")
    draw = random.Random(count)
    specs = [jobs.spec(str(number), seconds=0, priority=draw.choice(PRIORITIES)) for number in range(count)]
    offsets = bus.submit(*specs)
    bus.wait_queued([spec["job_id"] for spec in specs])
    assert not [spec for spec in specs if bus.events(spec["job_id"], "launched")], "launched above max_concurrent_jobs"
    order = sorted(zip(specs, offsets, strict=True), key=lambda pair: (PRIORITIES.index(pair[0]["priority"]), pair[1]))
    return [spec["job_id"] for spec, _ in order], blocker["job_id"]


def launch_order(bus, ids):
    """As job.launched tells it."""
    return sorted(ids, key=lambda job_id: bus.events(job_id, "launched")[0].record.time)


def test_one_at_a_time_the_order_is_exact(bus, jobs, policies):
    """With one slot, 40 random jobs start in exactly the order of priority and offset."""
    ids, blocker = submit_behind_a_blocker(bus, jobs, policies, 40)
    bus.cancel(job_id=blocker)
    bus.wait_ended(ids, deadline=240)
    assert launch_order(bus, ids) == ids


def test_no_inversion_among_many(bus, jobs, policies):
    """300 random jobs over 6 slots: no job is launched while as many jobs as there are slots, which go before it, are not. (Those
    that are decided in one moment are created at the same time, and the API server takes them in any order.)"""
    slots = 6
    ids, blocker = submit_behind_a_blocker(bus, jobs, policies, 300)
    policies.set(max_concurrent_jobs=slots)
    bus.cancel(job_id=blocker)
    bus.wait_ended(ids, deadline=240)
    rank = {job_id: number for number, job_id in enumerate(ids)}
    launched = [rank[job_id] for job_id in launch_order(bus, ids)]
    overtaken = [(place, number) for place, number in enumerate(launched) if number - place >= slots]
    assert not overtaken, f"launched too early, as (place, rank): {overtaken[:10]}"
    assert all(bus.story(job_id) == ["queued", "launched", "started", "succeeded"] for job_id in ids)


def test_positions_count_what_goes_before(bus, jobs, policies):
    """job.queued names the place in the queue: behind everything of higher priority and what came earlier in its own."""
    policies.set(max_concurrent_jobs=1)
    blocker = jobs.spec("blocker", seconds=600)
    bus.submit(blocker)
    bus.wait_event(blocker["job_id"], "started")
    wanted = {"first": ("background", 1), "second": ("urgent", 1), "third": ("normal", 2), "fourth": ("normal", 3),
              "fifth": ("background", 5)}  # fmt: skip
    for name, (priority, position) in wanted.items():
        bus.submit(jobs.spec(name, priority=priority))
        queued = bus.wait_event(jobs.id(name), "queued")
        assert queued["position"] == position, name
        assert position == 1 or queued["estimated_wait_seconds"] > 0
    bus.cancel(job_id=blocker["job_id"])
    bus.wait_ended([jobs.id(name) for name in wanted])
    assert launch_order(bus, [jobs.id(name) for name in wanted]) == [
        jobs.id(name) for name in ("second", "third", "fourth", "first", "fifth")
    ]
