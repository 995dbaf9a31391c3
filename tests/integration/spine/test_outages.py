"""Kafka, Redis or the API server go away while jobs wait and run: the scheduler says which one is missing, waits, and goes on by
itself; every job ends exactly once."""

import contextlib
import time

import pytest
from harness.kube import ENDED, PodWatch

FINALIZER = "oppen.dev/reported"
LOGGED = {"kafka": "Kafka does not answer", "redis": "beginning again", "kubernetes": "the Kubernetes API does not answer"}
LONG = 61  # seconds: librdkafka and others give up a first time after a minute


@pytest.fixture
def world(rough_world):
    return rough_world


def names(scheduler, dependency):
    """Whether /readyz says that this one is away."""
    ready, dependencies = scheduler.readyz()
    return not ready and dependencies.get(dependency, "ok") != "ok"


def all_succeeded_once(world, watch, ids):
    bus = world.bus
    bus.wait_ended(ids, deadline=120)
    world.scheduler.wait("an empty outbox", lambda: world.scheduler.metric("oppen_outbox_length") == 0)
    bus.caught_up()
    watch.caught_up()
    assert {tuple(bus.story(job_id)) for job_id in ids} == {("queued", "launched", "started", "succeeded")}
    assert [job_id for job_id in ids if len(watch.uids_of(job_id)) != 1] == [], "launched twice, or never"
    for job_id in ids:
        assert len({event.seq for event in bus.events(job_id)}) == 4


@contextlib.contextmanager
def away(world, service, dependency, how="kill"):
    """Takes a service away, waits until the scheduler says so in /readyz and in its log, and brings it back."""

    def told():
        return world.scheduler.log.read_text(errors="replace").count(LOGGED[dependency])

    before = told()
    world.stack.kill(service) if how == "kill" else world.stack.pause(service)
    try:
        world.scheduler.wait(f"/readyz names {dependency}", lambda: names(world.scheduler, dependency))
        world.scheduler.wait(f"the log says {LOGGED[dependency]!r}", lambda: told() > before)
        yield
    finally:
        world.stack.start(service) if how == "kill" else world.stack.resume(service)
    world.scheduler.wait_ready()


def test_kafka_away(world, bus, kube, jobs):
    """Pods that run go on and end; their ends wait in the outbox and their finalizers stay, even where somebody deletes the pod,
    until Kafka is back and has the events. What waits is launched."""
    running = jobs.specs(3, seconds=20)  # until after Kafka has gone
    waiting = [jobs.spec(f"waiting-{number}") for number in range(6)]
    ids = [spec["job_id"] for spec in (*running, *waiting)]
    with PodWatch(kube) as watch:
        bus.submit(*running, *waiting)
        bus.wait_queued(ids)
        for spec in running:
            bus.wait_event(spec["job_id"], "started")
        with away(world, "kafka", "kafka"):
            for spec in running:
                name = f"{spec['job_id']}-1"
                pod = kube.wait_pod(name, "ended", lambda pod: pod["status"]["phase"] in ENDED)
                assert pod["metadata"]["finalizers"] == [FINALIZER], "released before its end was published"
            kube.delete(f"pods/{running[0]['job_id']}-1")
            assert kube.pod(f"{running[0]['job_id']}-1")["metadata"]["deletionTimestamp"]
        all_succeeded_once(world, watch, ids)
    kube.wait_pod(f"{running[0]['job_id']}-1", "gone", lambda pod: pod is None)
    for spec in running[1:]:
        kube.wait_pod(f"{spec['job_id']}-1", "released", lambda pod: not pod["metadata"].get("finalizers"))


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_redis_away(world, bus, kube, jobs, how):
    """Redis is killed (and starts again from its append-only file), or hangs: jobs that come meanwhile wait in Kafka."""
    before = [jobs.spec(f"before-{number}", seconds=1) for number in range(6)]
    during = [jobs.spec(f"during-{number}") for number in range(4)]
    ids = [spec["job_id"] for spec in (*before, *during)]
    with PodWatch(kube) as watch:
        bus.submit(*before)
        bus.wait_event(before[0]["job_id"], "started")
        with away(world, "redis", "redis", how):
            bus.submit(*during)
        all_succeeded_once(world, watch, ids)


def test_api_server_away(world, bus, kube, jobs):
    """The API server is killed: what comes meanwhile is queued and answered, and launched when it is back."""
    before = [jobs.spec(f"before-{number}", seconds=1) for number in range(6)]
    during = [jobs.spec(f"during-{number}") for number in range(4)]
    with PodWatch(kube) as watch:
        bus.submit(*before)
        bus.wait_event(before[0]["job_id"], "started")
        with away(world, "apiserver", "kubernetes"):
            bus.submit(*during)
            bus.wait_queued([spec["job_id"] for spec in during])
        all_succeeded_once(world, watch, [spec["job_id"] for spec in (*before, *during)])


def test_api_server_hangs(world, bus, kube, jobs, policies):
    """The API server answers nothing, but keeps its connections: the scheduler notices all the same; launches that are on their way
    then end as one pod each, and what comes meanwhile is queued and answered."""
    policies.set(max_concurrent_jobs=6)
    before = [jobs.spec(f"before-{number}", seconds=1) for number in range(3)]
    during = [jobs.spec(f"during-{number}") for number in range(6)]
    ids = [spec["job_id"] for spec in (*before, *during)]
    with PodWatch(kube) as watch:
        bus.submit(*before)
        bus.wait_event(before[0]["job_id"], "started")
        world.stack.pause("apiserver")
        try:
            bus.submit(*during)  # there are slots: these launches meet no answer
            bus.wait_queued(ids)
            world.scheduler.wait("/readyz names kubernetes", lambda: names(world.scheduler, "kubernetes"))
        finally:
            world.stack.resume("apiserver")
        world.scheduler.wait_ready()
        all_succeeded_once(world, watch, ids)


def test_all_of_them_away(world, bus, kube, jobs):
    """Everything at once and for more than a minute, while the scheduler runs on: it is alive, not ready, and recovers when all are
    back."""
    specs = [jobs.spec(str(number), seconds=1) for number in range(6)]
    with PodWatch(kube) as watch:
        bus.submit(*specs)
        bus.wait_event(specs[0]["job_id"], "started")
        with away(world, "redis", "redis"), away_quietly(world, "apiserver"), away_quietly(world, "kafka"):
            time.sleep(LONG)
            assert world.scheduler.get("/healthz")[0] == 200
            assert names(world.scheduler, "redis")
        wake_the_cluster(world)
        all_succeeded_once(world, watch, [spec["job_id"] for spec in specs])


def wake_the_cluster(world):
    """The cluster's own scheduler and nodes look for a lost API server only once in a while: anew, they look at once."""
    for service in ("scheduler", "kwok"):
        world.stack.kill(service)
        world.stack.start(service)


@contextlib.contextmanager
def away_quietly(world, service):
    world.stack.kill(service)
    try:
        yield
    finally:
        world.stack.start(service)


def test_a_start_without_services(world, bus, jobs):
    """A scheduler that is started while nothing answers waits for it, rather than giving up."""
    assert world.scheduler.stop() == 0
    for service in ("kafka", "redis", "apiserver"):
        world.stack.kill(service)
    world.scheduler.start()
    world.scheduler.wait("/readyz names redis", lambda: names(world.scheduler, "redis"))
    assert world.scheduler.get("/healthz")[0] == 200
    for service in ("redis", "kafka", "apiserver"):
        world.stack.start(service)
    wake_the_cluster(world)
    world.scheduler.wait_ready()
    spec = jobs.spec("after")
    bus.submit(spec)
    bus.wait_ended([spec["job_id"]])
    assert bus.story(spec["job_id"])[-1] == "succeeded"


def test_a_stop_is_clean(world, bus, kube, jobs, policies):
    """SIGTERM in the middle of work: exit code 0, and the next start goes on; nothing is lost or done twice."""
    policies.set(max_concurrent_jobs=3)
    specs = [jobs.spec(str(number), seconds=0.5) for number in range(12)]
    with PodWatch(kube) as watch:
        bus.submit(*specs)
        bus.wait_event(specs[0]["job_id"], "started")
        assert world.scheduler.stop() == 0
        bus.caught_up()
        assert not bus.ended(specs[-1]["job_id"]), "it stopped when the work was done"
        world.scheduler.start().wait_ready()
        all_succeeded_once(world, watch, [spec["job_id"] for spec in specs])
