"""What could be saved, asked on the command line, of jobs that really ran; and the command that is recommended is carried out."""

import json
import os
import shlex
import subprocess
import threading

import pytest
from harness.charges import accounts
from harness.waiting import PATIENCE
from harness.worker import Worker, program

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


def test_watching_costs(world, cost, bus, jobs):
    """Every charge of a job, from the beginning to the last one."""
    bus.submit(jobs.spec("seen", seconds=1, team="speech"))
    bus.wait_ended([jobs.id("seen")])
    total = cost_of(bus, jobs.id("seen"))
    watching = subprocess.Popen(
        [program("oppen"), "watch", "costs", "--job", jobs.id("seen"), "--team", "speech", "--from-beginning", "-o", "json"],
        env={**os.environ, **world.stack.env},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(PATIENCE, watching.kill)  # ends the reading of what does not come
    deadline.start()
    seen = []
    try:
        while not seen or not seen[-1].get("final"):
            seen.append(json.loads(watching.stdout.readline()))
    finally:
        deadline.cancel()
        watching.terminate()
        watching.wait(30)
    assert {(charge["event"], charge["job_id"]) for charge in seen} == {("cost.accrued", jobs.id("seen"))}
    assert sum(charge["total_microusd"] for charge in seen) == total
