"""The scheduler is killed, paused, replaced, or loses its Redis: every job still ends exactly once, in one pod."""

import random
import shutil
import signal

import pytest
from harness.kube import PodWatch

OPEN_STATES = ("queued", "launching", "running", "cancelling")


@pytest.fixture
def world(rough_world):
    return rough_world


def each_ended_once(world, watch, ids, deadline=180, leader=None):
    """One terminal event (what comes twice has the same seq and is the same), one pod, seq without a gap; and nothing is left."""
    bus = world.bus
    bus.wait_ended(ids, deadline)
    the_queue_is_empty(leader or world.scheduler)
    bus.caught_up()
    watch.caught_up()
    for job_id in ids:
        life = bus.life(job_id)
        assert [step.seq for step in life] == list(range(1, len(life) + 1)), job_id
        assert [step.kind for step in life] == ["queued", "launched", "started", "succeeded"], job_id
        assert life[-1].data["attempt"] == 1
        assert len(watch.uids_of(job_id)) == 1, f"{job_id} has had several pods"
        by_seq = {}
        for event in bus.events(job_id):
            assert by_seq.setdefault(event.seq, event.kind) == event.kind, f"{job_id} has two events {event.seq}"


def the_queue_is_empty(leader):
    """By the scheduler's own sums, which it keeps in Redis."""

    def left():
        """[line, ...] of the jobs that have not ended; None while it does not tell."""
        lines = [line for line in leader.get("/metrics")[1].splitlines() if line.startswith("oppen_jobs{")]
        unended = [line for line in lines if any(f'state="{state}"' in line for state in OPEN_STATES)]
        return [line for line in unended if float(line.split()[-1]) != 0] if unended else None

    leader.wait("an empty queue", lambda: left() == [])
    leader.wait("an empty outbox", lambda: leader.metric("oppen_outbox_length") == 0)


def test_killed_again_and_again(world, bus, kube, jobs, policies):
    """kill -9 at five random moments of 60 jobs, some of them in a batch."""
    policies.set(max_concurrent_jobs=6)
    draw = random.Random(1)
    specs = [jobs.spec(str(number), seconds=draw.choice((0, 0.2, 0.5))) for number in range(60)]
    ids = [spec["job_id"] for spec in specs]
    with PodWatch(kube) as watch:
        bus.submit(*specs[:30])
        bus.submit_batch(jobs.id("batch"), specs[30:])
        for number in range(5):
            # A moment is a number of events, so that it lies in the midst of work on any machine.
            moment = 20 + 40 * number + draw.randrange(40)
            bus.wait_for(f"{moment} events", lambda: sum(len(bus.life(job_id)) for job_id in ids) >= moment)  # noqa: B023
            world.scheduler.kill()
            world.scheduler.start()
        world.scheduler.wait_ready()
        each_ended_once(world, watch, ids)


def test_redis_is_emptied(world, bus, kube, jobs, policies):
    """FLUSHALL while jobs run and wait, and the scheduler dies too: the queue is built again from job-events and the pods. What
    runs ends, what waits is launched in its order, what has ended or was refused is not done again. How long runs take is
    learned again."""

    def learned():
        lines = world.stack.redis("HGETALL", "{oppen.scheduler}:durations").splitlines()
        cells = dict(zip(lines[::2], lines[1::2], strict=True))
        return {cell: text.rsplit(" ", 1)[0] for cell, text in cells.items() if cell.startswith("mnist||7|")}

    policies.set(max_concurrent_jobs=3)
    done, gone = jobs.spec("done", seconds=2, epochs=7), jobs.spec("gone", seconds=600)
    refused = jobs.spec("refused", epochs=0)
    bus.submit(done, gone, refused)
    bus.wait_ended([done["job_id"], refused["job_id"]])
    bus.cancel(job_id=gone["job_id"])
    bus.wait_ended([gone["job_id"]])

    running = [jobs.spec(f"running-{number}", seconds=6) for number in range(3)]
    waiting = [jobs.spec(f"waiting-{number}", priority=("normal", "urgent")[number % 2]) for number in range(6)]
    batch = [jobs.spec(f"batch-{number}") for number in range(4)]
    ids = [spec["job_id"] for spec in (*running, *waiting, *batch)]
    with PodWatch(kube) as watch:
        bus.submit(*running)
        for spec in running:
            bus.wait_event(spec["job_id"], "started")
        bus.submit(*waiting)
        bus.submit_batch(jobs.id("batch"), batch)
        bus.wait_queued(ids)
        before = learned()
        assert before
        world.scheduler.kill()
        world.stack.redis("FLUSHALL")
        world.scheduler.start().wait_ready()
        assert learned() == before
        each_ended_once(world, watch, ids)
    order = sorted((spec["job_id"] for spec in waiting), key=lambda job_id: bus.events(job_id, "launched")[0].record.time)
    assert set(order[:3]) == {spec["job_id"] for spec in waiting[1::2]}, "the urgent ones first"

    for spec in (done, gone, running[0]):
        bus.submit(spec)
        assert bus.wait_event(spec["job_id"], "duplicate")["conflict"] is False
    bus.submit_batch(jobs.id("batch"), batch)
    bus.wait_event(jobs.id("batch"), "batch.duplicate")
    assert bus.story(done["job_id"]) == ["queued", "launched", "started", "succeeded"]
    assert bus.story(gone["job_id"])[-1] == "cancelled"
    assert bus.story(refused["job_id"]) == ["rejected"], "a refusal was decided again"
    the_queue_is_empty(world.scheduler)


def test_redis_is_emptied_under_a_living_scheduler(world, bus, kube, jobs):
    """The same without a crash: it notices that Redis is not what it was, and begins again."""
    running = [jobs.spec(f"running-{number}", seconds=3) for number in range(3)]
    waiting = [jobs.spec(f"waiting-{number}") for number in range(5)]
    ids = [spec["job_id"] for spec in (*running, *waiting)]
    with PodWatch(kube) as watch:
        bus.submit(*running, *waiting)
        bus.wait_queued(ids)
        bus.wait_event(running[0]["job_id"], "started")
        world.stack.redis("FLUSHALL")
        each_ended_once(world, watch, ids)


def test_redis_comes_back_older(world, bus, kube, jobs, policies):
    """Redis is killed and returns with the data of a while ago, as from a backup: jobs were submitted, launched, ended and cancelled
    since. The log tells what it has forgotten; nothing of it is done again or lost."""
    policies.set(max_concurrent_jobs=3)
    data = world.stack.state / "redis"
    copy = world.logs / "redis-of-a-while-ago"
    first = [jobs.spec(f"first-{number}", seconds=3) for number in range(6)]
    later = [jobs.spec(f"later-{number}", seconds=1) for number in range(4)]
    batch = [jobs.spec(f"batch-{number}") for number in range(4)]
    gone, refused = jobs.spec("gone", seconds=600), jobs.spec("refused", epochs=0)
    ids = [spec["job_id"] for spec in (*first, *later, *batch)]
    with PodWatch(kube) as watch:
        bus.submit(*first)
        bus.wait_event(first[0]["job_id"], "started")
        world.stack.kill("redis")
        shutil.copytree(data, copy)
        world.stack.start("redis")
        bus.submit(*later, gone, refused)
        bus.submit_batch(jobs.id("batch"), batch)
        bus.wait_queued([*ids, gone["job_id"]])
        bus.cancel(job_id=gone["job_id"])
        bus.wait_ended([first[0]["job_id"], first[1]["job_id"], gone["job_id"], refused["job_id"]])
        world.stack.kill("redis")
        shutil.rmtree(data)
        shutil.copytree(copy, data)
        world.stack.start("redis")
        each_ended_once(world, watch, ids)
    assert bus.story(gone["job_id"])[-1] == "cancelled"
    assert bus.story(refused["job_id"]) == ["rejected"], "a refusal was decided again"
    assert len(bus.events(jobs.id("batch"), "batch.queued")) == 1


def test_another_takes_over(world, bus, kube, jobs):
    """Two schedulers: one leads, one stands by. The leader is killed: the other goes on with its jobs, under a higher epoch."""
    other = world.another_scheduler("takes-over").start()
    try:
        other.wait("it stands by", lambda: other.metric("oppen_leader") in (0, None) and other.readyz()[0])
        specs = [jobs.spec(str(number), seconds=0.5) for number in range(16)]
        ids = [spec["job_id"] for spec in specs]
        with PodWatch(kube) as watch:
            bus.submit(*specs)
            bus.wait_event(specs[0]["job_id"], "started")
            world.scheduler.kill()
            other.wait_ready()
            each_ended_once(world, watch, ids, leader=other)
        claims = [record.offset for record in bus.records("oppen.control") if record.type == "leader.claimed"]
        late = kube.pod(f"{ids[-1]}-1")["metadata"]["annotations"]["oppen.dev/epoch"]
        assert late == str(claims[-1])
        assert other.stop() == 0, other.tail()
    finally:
        other.stop()
        if not world.scheduler.runs():
            world.scheduler.start()
        world.scheduler.wait_ready()


def test_a_paused_leader_does_no_harm(world, bus, kube, jobs, policies):
    """The leader is stopped (SIGSTOP) until another leads, and wakes up in the midst of its work: it steps back, and nothing has
    happened twice."""
    policies.set(max_concurrent_jobs=2)  # so that most is left for the other
    other = world.another_scheduler("takes-over-from-paused").start()
    try:
        other.wait("it stands by", lambda: other.readyz()[0])
        specs = [jobs.spec(str(number), seconds=0.5) for number in range(20)]
        ids = [spec["job_id"] for spec in specs]
        with PodWatch(kube) as watch:
            bus.submit(*specs)
            bus.wait_event(specs[0]["job_id"], "started")
            world.scheduler.signal(signal.SIGSTOP)
            other.wait_ready()
            bus.wait_event(ids[10], "started")
            world.scheduler.signal(signal.SIGCONT)
            world.scheduler.wait("it steps back", lambda: world.scheduler.metric("oppen_leader") == 0)
            each_ended_once(world, watch, ids, leader=other)
    finally:
        world.scheduler.signal(signal.SIGCONT)
        other.stop()
        world.scheduler.wait_ready()
