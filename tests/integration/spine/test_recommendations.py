"""What could be saved: asked on the command line, of jobs that really ran, and the command that is recommended carried out; and published
after each run, whatever dies meanwhile, and compared with what came of it."""

import collections
import contextlib
import datetime
import json
import os
import shlex
import signal
import subprocess
import threading
import time

import pytest
from harness.bus import Bus
from harness.charges import accounts
from harness.prices import milliseconds
from harness.stack import Stack
from harness.waiting import PATIENCE
from harness.worker import Worker, program
from oppen import Client

DONE, _, BAD_INPUT, _, NO_SUCH_THING = range(5)


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="recommendations").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def oppen(world, console, cost):
    """Runs a command line; its result has returncode, stdout, stderr and, of -o json, data."""

    def run(*arguments):
        done = subprocess.run(
            [program("oppen"), *arguments],
            env={**os.environ, **world.stack.env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        done.data = json.loads(done.stdout) if "json" in arguments and done.returncode == DONE else None
        return done

    return run


def cost_of(bus, job_id):
    """Once everything is charged."""

    def charged():
        found = list(accounts(bus, lambda one: one == job_id).values())
        return found and all(account.final for account in found) and sum(account.total for account in found)

    return bus.wait_for("it is charged to its end", charged)


def test_what_could_be_saved_is_told_and_can_be_done(oppen, bus, jobs):
    """The savings are of what was charged, to the micro-dollar; each command is taken, and asks for what was recommended."""
    ran = jobs.spec("ran", seconds=3, team="vision", name=jobs.id("name"), epochs=2, batch_size=64)
    bus.submit(ran)
    bus.wait_ended([ran["job_id"]])
    total = cost_of(bus, ran["job_id"])

    def told():
        data = oppen("recommend", ran["job_id"], "-o", "json").data
        return data and data["ended"] and data["total_microusd"] == total and data

    answer = bus.wait_for("the books have it all", told)
    by_strategy = {one["strategy"]: one for one in answer["recommendations"]}
    assert len(by_strategy) == len(answer["recommendations"])
    spot = by_strategy["spot"]
    assert spot["recommendation_id"] == f"rec-{ran['job_id']}-spot"
    assert spot["savings_microusd"]["high"] == int(total * spot["savings_percent"]["high"] / 100 + 0.5)
    assert {type(amount) for one in by_strategy.values() for amount in one["savings_microusd"].values()} == {int}
    assert oppen("recommend", jobs.id("name"), "-o", "json").data == answer

    text = oppen("recommend", ran["job_id"])
    assert text.returncode == DONE
    for one in by_strategy.values():
        assert one["action"]["command"] in text.stdout and one["risk"] in text.stdout
        assert one["evidence"]["confidence_because"] in text.stdout
        program_name, *words = shlex.split(one["action"]["command"])
        assert program_name == "oppen"
        again = jobs.id("again-" + one["strategy"].replace("_", "-"))
        taken = oppen(*words, "--job-id", again)
        assert taken.returncode == DONE, taken.stderr
        spec = bus.wait_event(again, "queued")["spec"]
        assert (spec["epochs"], spec["team"]) == (2, "vision")
        changes = one["action"]["changes"]
        assert {field: spec[field] for field in changes} == changes


def test_where_there_is_nothing_to_save(oppen, bus, jobs, policies):
    """Before the end and of what has failed that is an answer; of nobody it is an error."""
    policies.set(max_concurrent_jobs=1)
    bus.submit(jobs.spec("runs", seconds=600))
    bus.wait_event(jobs.id("runs"), "started")
    bus.submit(jobs.spec("waits"))
    bus.wait_event(jobs.id("waits"), "queued")
    for name in ("runs", "waits"):
        answer = bus.wait_for(f"{name} is known", lambda one=name: oppen("recommend", jobs.id(one), "-o", "json").data)
        assert answer["ended"] is False and answer["recommendations"] == []
        assert "has not ended" in oppen("recommend", jobs.id(name)).stdout
    nobody = oppen("recommend", jobs.id("nobody"))
    assert nobody.returncode == NO_SUCH_THING and jobs.id("nobody") in nobody.stderr
    assert oppen("recommend").returncode == BAD_INPUT


def published(bus, job_id):
    """What was published for a job, repetitions too; anybody can put anything on a topic."""
    records = [record for record in bus.records("oppen.recommendations") if record.key == job_id and record.readable]
    return [record for record in records if record.type == "cost.recommendation" and "recommendation_id" in record.data]


@contextlib.contextmanager
def watching(world, *arguments):
    """`oppen watch ...`: its lines, as they come."""
    running = subprocess.Popen(
        [program("oppen"), "watch", *arguments], env={**os.environ, **world.stack.env}, stdout=subprocess.PIPE, text=True
    )
    deadline = threading.Timer(PATIENCE, running.kill)  # ends the reading of what does not come
    deadline.start()
    try:
        yield running.stdout
    finally:
        deadline.cancel()
        running.terminate()
        running.wait(30)


def test_what_is_published(world, oppen, bus, jobs):
    """After the end what `recommend` answers, once; the watcher, its filters, and the Python client have it."""
    metrics = {"SIMULATED_METRICS": json.dumps({"accuracy": 0.9})}
    ours = jobs.spec("ours", seconds=1, team="vision", project="digits", env=metrics)
    other = jobs.spec("other", seconds=1, team="speech", env=metrics)
    bus.submit(ours, other)
    for spec in (other, ours):
        bus.wait_for("recommendations", lambda one=spec["job_id"]: published(bus, one))
    job_id = ours["job_id"]
    answer = oppen("recommend", job_id, "-o", "json").data
    expected = {one["recommendation_id"]: one for one in answer["recommendations"]}
    bus.wait_for("all", lambda: len(published(bus, job_id)) >= len(expected))
    records = published(bus, job_id)
    assert sorted(record.id for record in records) == sorted(expected)
    for record in records:
        # What is told of past runs changes with each that ends.
        assert record.data | {"evidence": {}} == expected[record.id] | {"evidence": {}}
        assert record.headers["ce_subject"] == job_id.encode()
        assert milliseconds(record.time) == milliseconds(bus.wait_event(job_id, "succeeded")["ended_at"])
    with watching(world, "recommendations", "--team", "vision", "--from-beginning", "-o", "json") as lines:
        told = collections.defaultdict(list)
        while len(told[job_id]) < len(expected):
            one = json.loads(lines.readline())
            assert (one["team"], one["event"]) == ("vision", "cost.recommendation")
            told[one["job_id"]].append(one)
        assert {one["recommendation_id"] for one in told[job_id]} == set(expected)
    with watching(world, "recommendations", "--job", job_id, "--from-beginning") as lines:
        for _ in expected:
            line = lines.readline()
            assert f"  {job_id}  cost.recommendation  " in line and ": saves " in line, line
    with Client(world.stack.env["OPPEN_KAFKA_BROKERS"]) as client:
        mine = (event for event in client.recommendations(from_beginning=True) if event.data.get("job_id") == job_id)
        assert {next(mine).id for _ in expected} == set(expected)


def test_watching_costs(world, cost, bus, jobs):
    """Every charge of a job, from the beginning to the last one."""
    bus.submit(jobs.spec("seen", seconds=1, team="speech"))
    bus.wait_ended([jobs.id("seen")])
    total = cost_of(bus, jobs.id("seen"))
    seen = []
    with watching(world, "costs", "--job", jobs.id("seen"), "--team", "speech", "--from-beginning", "-o", "json") as lines:
        while not seen or not seen[-1].get("final"):
            seen.append(json.loads(lines.readline()))
    assert {(charge["event"], charge["job_id"]) for charge in seen} == {("cost.accrued", jobs.id("seen"))}
    assert sum(charge["total_microusd"] for charge in seen) == total


# On Kafka and Redis alone, with events made here.


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recommendations")
    stack = Stack(folder / "stack", services="kafka,redis")
    try:
        stack.up()
        bus = Bus(stack)
        # Without an off-peak window, so that it is the same at every hour.
        rates = {"off_peak_window": "00:00-00:00 UTC"}
        policy = {"scheduling_policies": {}, "cost_model": rates, "effective_from": stamp(time.time() - 90_000)}
        bus.produce_all([bus.command("policy.changed", policy, "policy")], "oppen.control")
        yield stack, bus, folder
        bus.close()
    finally:
        stack.down()


@pytest.fixture
def made(bare, request):
    made = Made(bare, request.node.originalname.removeprefix("test_").replace("_", "-"))
    yield made
    if made.worker.runs():
        made.worker.signal(signal.SIGCONT)
        assert made.worker.stop() == 0, made.worker.tail()


class Made:
    """A worker, and runs of a model type of its own, told of as the scheduler would."""

    def __init__(self, bare, model_type):
        self.stack, self.bus, folder = bare
        self.model_type = model_type
        self._jobs = {}
        # A killed member is given up sooner than by default: the least that the broker allows.
        soon = {"OPPEN_KAFKA_PROPERTIES": "session.timeout.ms=6000"}
        self.worker = Worker(self.stack, "oppen-cost", None, folder, label=model_type, settings=soon).start().wait_ready()

    def ended(self, *names, ago=600, seconds=100, **fields):
        """The ends of jobs of these names, which began so many seconds ago; their ids."""
        begin = time.time() - ago
        jobs = []
        for name in names:
            job_id = f"{self.model_type}-{name}-{len(self._jobs)}"
            self._jobs[job_id] = {
                "job_id": job_id,
                "seq": 3,
                "attempt": 1,
                "state": "succeeded",
                "name": name,
                "model_type": self.model_type,
                "workload_type": "training",
                "priority": "normal",
                "team": "vision",
                "project": "digits",
                "user": "kim",
                "resources": {"gpus": 1, "cpu": "1", "memory": "1Gi"},
                "spot": False,
                "epochs": 2,
                "batch_size": 64,
                "pod": f"{job_id}-1",
                "namespace": "ml-training",
                "node": "n",
                "gpu_type": "T4",
                "started_at": stamp(begin),
                "ended_at": stamp(begin + seconds),
                "metrics": {},
                **fields,
            }
            jobs.append(job_id)
        events = [self.bus.command("job.succeeded", self._jobs[job_id], job_id, f"{job_id}/3") for job_id in jobs]
        self.bus.produce_all(events, "oppen.job-events")
        return jobs

    def reported(self, jobs):
        """By the runs themselves, which makes what could be saved on them due at once."""
        told = ("job_id", "attempt", "model_type", "epochs", "batch_size", "gpu_type", "started_at", "ended_at", "team", "project")
        reports = []
        for job_id in jobs:
            data = {name: self._jobs[job_id][name] for name in told} | {"run_id": job_id, "status": "succeeded", "gpus": 1}
            data |= {"workload_type": "training", "duration_seconds": 1, "metrics": {}, "priority": "normal", "spot": False}
            reports.append(self.bus.command("run.completed", data, job_id))
        self.bus.produce_all(reports, "oppen.runs")

    def run(self, *names, **fields):
        jobs = self.ended(*names, **fields)
        self.reported(jobs)
        return jobs

    def due(self):
        """The runs of which it is still to be published, and the keys of their lists."""
        keys = self.stack.redis("--scan", "--pattern", "{oppen.cost}:advise:*").split()
        return {job_id: key for key in keys for job_id in self.stack.redis("ZRANGE", key, "0", "-1").split()}

    def wait_idle(self, job_id):
        """Until the run is due, and its charge is known to be published: nothing more is to be written. The key of its list."""

        def idle():
            key = self.due().get(job_id)
            return key and self.stack.redis("EXISTS", key.replace(":advise:", ":outbox:")).strip() == "0" and key

        return self.bus.wait_for("it is charged and due", idle)

    def wait_published(self, job_ids):
        def left():
            return set(job_ids) & (set(self.due()) | {one for one in job_ids if not published(self.bus, one)})

        self.bus.wait_for(lambda: f"published: {list(left())[:5]}", lambda: not left(), 120)

    def strategies(self, job_id):
        """Published of a job; each id says one thing."""
        records = published(self.bus, job_id)
        assert {record.id for record in records} == {record.data["recommendation_id"] for record in records}
        for record in records:
            assert record.id == f"rec-{job_id}-{record.data['strategy'].replace('_', '-')}"
        return {record.data["strategy"]: record.data for record in records}


def test_killed_before_it_is_published(made):
    """Between the end and the publication: it is published by the next one, which learns of the run's own report, too."""
    (job_id,) = made.ended("once")
    made.bus.wait_for("it is charged and due", lambda: job_id in made.due())
    made.worker.kill()
    made.bus.caught_up()
    assert not published(made.bus, job_id), "a run that has not reported is waited for"
    made.reported([job_id])
    made.worker.start()
    made.wait_published([job_id])
    assert made.strategies(job_id).keys() == {"spot", "batch_size"}
    assert len(published(made.bus, job_id)) == 2, "each once"


def test_killed_before_it_is_known_to_be_published(made):
    """Kafka has it, Redis doesn't know: it is published again, under the same ids."""
    (job_id,) = made.ended("again")
    key = made.wait_idle(job_id)
    made.worker.signal(signal.SIGSTOP)
    made.stack.redis("ZADD", key, "XX", "1", job_id)
    made.stack.redis("CLIENT", "PAUSE", "600000", "WRITE")
    try:
        made.worker.signal(signal.SIGCONT)
        made.bus.wait_for("it is on the bus", lambda: len(published(made.bus, job_id)) == 2)
        made.worker.kill()
    finally:
        made.stack.redis("CLIENT", "UNPAUSE")
    assert job_id in made.due()
    made.worker.start()
    made.wait_published([job_id])
    made.bus.caught_up()
    ids = collections.Counter(record.id for record in published(made.bus, job_id))
    assert ids == {f"rec-{job_id}-spot": 2, f"rec-{job_id}-batch-size": 2}


def test_killed_again_and_again(made):
    """Under load, at any point: of every run everything, and nothing else."""
    ids = []
    for _ in range(8):
        before = len(made.bus.records("oppen.recommendations"))
        ids += made.run(*(f"n{number}" for number in range(40)))
        made.bus.wait_for("some are published", lambda: len(made.bus.records("oppen.recommendations")) > before + 5)  # noqa: B023
        made.worker.kill()
        made.worker.start()
    made.wait_published(ids)
    made.bus.caught_up()
    assert {frozenset(made.strategies(job_id)) for job_id in ids} == {frozenset(("spot", "batch_size"))}


def test_what_was_followed_moves_the_confidence(made):
    """Three works whose next run has the batch size that was recommended, and is a fifth cheaper; each counts once, whoever dies."""
    works = ("a", "b", "c")
    firsts = made.run(*works, ago=1800, seconds=200)
    made.wait_published(firsts)
    first = made.strategies(firsts[0])["batch_size"]
    assert (first["confidence"], first["action"]["changes"]) == ("low", {"batch_size": 128})
    assert "followed" not in first["evidence"]
    nexts = made.run(*works, ago=900, seconds=160, batch_size=128)
    made.bus.wait_for("one is published", lambda: any(published(made.bus, job_id) for job_id in nexts))
    made.worker.kill()
    made.worker.start()
    made.wait_published(nexts)
    (later,) = made.run("d", ago=300, seconds=200)
    made.wait_published([later])
    evidence = made.strategies(later)["batch_size"]["evidence"]
    assert (evidence["followed"], evidence["kept"], evidence["saved_percent_mean"]) == (3, 3, 20)
    assert "followed 3 times" in evidence["confidence_because"]
    assert made.strategies(later)["batch_size"]["confidence"] == "high", "three past runs alone are good for medium"
    assert "followed" not in made.strategies(later)["spot"]["evidence"]
    made.bus.wait_for(
        "whether the interval of its forecast held is counted",
        lambda: "oppen_cost_forecasts_total{held=" in made.worker.get("/metrics")[1],
    )


def test_epochs_that_brought_nothing(made):
    """Each epoch has told its accuracy: it is known when to stop."""
    made.worker.stop()  # what is read after its end is told with it
    (job_id,) = made.ended("told", epochs=6)
    for epoch, accuracy in enumerate((0.5, 0.9, 0.9, 0.9, 0.9, 0.9), 1):
        data = {"job_id": job_id, "attempt": 1, "epoch": epoch, "epochs": 6, "at": stamp(time.time()), "metrics": {"accuracy": accuracy}}
        made.bus.produce_all([made.bus.command("run.progress", data, job_id)], "oppen.runs")
    made.reported([job_id])
    made.worker.start()
    made.wait_published([job_id])
    stop = made.strategies(job_id)["early_stopping"]
    assert (stop["confidence"], stop["evidence"]["plateau_epoch"], stop["action"]["changes"]) == ("high", 2, {"epochs": 4})
