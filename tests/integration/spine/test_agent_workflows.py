"""The workflows of docs/examples/langgraph: a LangGraph graph whose tools are `oppen mcp`'s, played by its scripts, on the whole stack."""

import json
import os
import pathlib
import subprocess

import pytest
from harness.charges import accounts
from harness.stack import ROOT
from harness.waiting import wait_until
from harness.worker import Worker, program

EXAMPLE = ROOT / "docs" / "examples" / "langgraph" / "workflows.py"


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-workflows").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def environment(world, console, cost):
    folder = os.environ.get("OPPEN_LANGGRAPH_VENV")
    if not folder:
        pytest.skip("OPPEN_LANGGRAPH_VENV names no environment with docs/examples/langgraph/requirements.txt: tests/run makes one")
    path = f"{program('oppen').parent}:{os.environ['PATH']}"
    return pathlib.Path(folder) / "bin" / "python", {**os.environ, **world.stack.env, "PATH": path}


@pytest.fixture
def play(environment, jobs):
    """Plays workflows; their outcomes by name."""
    python, env = environment

    def run(*arguments):
        done = subprocess.run(
            [python, EXAMPLE, *arguments, "--prefix", jobs.id("x")], env=env, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return {one.pop("workflow"): one for one in map(json.loads, done.stdout.splitlines())}

    return run


def test_workflows_of_submission(play, bus, jobs, policies, one_price):
    """Within a budget and beyond one, one and twenty urgently, a search, fifty within a ceiling, five for a sum, several at once, and how the
    system is."""
    policies.set(max_concurrent_jobs=20)
    gpus = play("gpus_together")["gpus_together"]
    # There are 20 slots, but the quota allows 2 GPUs in all, of which others may have one.
    assert not gpus["possible"] and gpus["at_once"] in (1, 2) and gpus["cost"] == pytest.approx(10 / gpus["at_once"] * gpus["cost_of_these"], rel=0.5)
    assert f"{gpus['at_once']} run at a time, the other {10 - gpus['at_once']} wait" in gpus["suggestion"]
    policies.set(max_concurrent_jobs=2)
    started = play("cost_aware", "together")
    aware = started["cost_aware"]
    assert aware["started"] and aware["cost"] == bus.wait_event(aware["job_id"], "queued")["estimated_cost_microusd"]
    # How many run at once is told as "about": it depends on what else is there.
    assert started["together"]["at_once"] in (1, 2) and started["together"]["cost"] == 10 * aware["cost"]
    bus.wait_ended([aware["job_id"]])

    blockers = [jobs.spec(f"blocks-{number}", seconds=900, priority="urgent") for number in range(2)]
    bus.submit(*blockers)
    for blocker in blockers:
        bus.wait_event(blocker["job_id"], "started")
    told = play("urgent_job", "budget_options", "bounded_search", "sweep", "capped", "urgent_batch", "monitor")
    urgent = told["urgent_job"]
    assert (urgent["position"], urgent["next"]) == (1, urgent["job_id"]) == (1, jobs.id("x-now"))
    assert (urgent["running"], urgent["slots"]) == (2, 2)
    option = told["budget_options"]
    queued = bus.wait_event(option["job_id"], "queued")
    assert not option["feasible"] and option["chosen"] == {"spot": True} and queued["spec"]["spot"]
    assert queued["estimated_cost_microusd"] == pytest.approx(0.3 * option["full_cost"], abs=2)
    search = told["bounded_search"]
    assert search["refused"] and search["cost"] == search["estimate"]
    ids = [jobs.id(f"x-search-{1 + number}") for number in range(50)]
    assert sum(bus.wait_event(one, "queued")["estimated_cost_microusd"] for one in ids) == search["cost"]
    assert not bus.events(jobs.id("x-dear-1"))
    assert search["pending"] >= search["cost"] + queued["estimated_cost_microusd"]

    def estimates(batch, count):
        return [bus.wait_event(jobs.id(f"x-{batch}-{1 + number}"), "queued")["estimated_cost_microusd"] for number in range(count)]

    sweep = told["sweep"]
    assert sweep["submitted"] == 20 and sweep["cost"] == sum(estimates("sweep", 20)) and sweep["queued"] >= 20 + 50 + 2
    assert sweep["pending"] >= sweep["cost"] + search["cost"] and sweep["seconds"] > 0
    capped = told["capped"]
    assert capped["fits"] and capped["cost"] == sum(estimates("capped", 5)) <= 200_000
    assert capped["total"] == pytest.approx(capped["cost"], rel=0.5), "alone each starts a little earlier: the cheap hours may begin in between"
    assert capped["pending"] == capped["shown"] >= capped["cost"] + sweep["pending"]
    assert capped["alert"] == (capped["pending"] >= 160_000)
    assert told["urgent_batch"] == {"submitted": 20, "positions": [2, 21], "urgent": 21}, "behind the one that came before"
    assert told["monitor"]["queued"] >= 1 + 1 + 50 + 20 + 5 + 20


def test_workflows_of_optimisation(environment, play, bus, jobs, policies):
    """After a run, what would have been cheaper; and the loop, in which a person approves."""
    bus.submit(jobs.spec("ran", seconds=2, epochs=2))
    bus.wait_ended([jobs.id("ran")])

    def charged():
        found = accounts(bus, lambda job_id: job_id == jobs.id("ran"))
        return found and all(account.final for account in found.values()) and sum(account.total for account in found.values())

    total = bus.wait_for("it is charged", charged)
    told = bus.wait_for("the books have it", lambda: (one := play("post_run", "--job", jobs.id("ran"))["post_run"])["cost"] == total and one)
    assert "spot" in told["strategies"] and told["command"].startswith("oppen submit ")

    policies.set(max_concurrent_jobs=1)
    bus.submit(jobs.spec("blocks", seconds=900, priority="urgent"))
    bus.wait_event(jobs.id("blocks"), "started")
    bus.submit(jobs.spec("dear", seconds=900, epochs=3000, batch_size=64))
    cost = bus.wait_event(jobs.id("dear"), "queued")["estimated_cost_microusd"]
    python, env = environment
    loop = subprocess.Popen([python, EXAMPLE, "optimize", "--job", jobs.id("dear")], env=env, stdout=subprocess.PIPE, text=True)
    try:

        def waiting():
            listed = subprocess.run([program("oppen"), "proposals", "-o", "json"], env=env, capture_output=True, text=True, check=True)
            return [one["proposal_id"] for one in json.loads(listed.stdout)["proposals"] if one["changes"].get("job_id") == jobs.id("dear")]

        wait_until("it is proposed", waiting)
        (proposal,) = waiting()
        subprocess.run([program("oppen"), "approve", proposal], env=env, check=True, capture_output=True)
        said, outcome = loop.communicate(timeout=120)[0].splitlines()
    finally:
        loop.kill()
        loop.wait()
    assert f"oppen approve {proposal}" in said
    outcome = json.loads(outcome)
    assert (outcome["strategy"], outcome["state"], outcome["carried_out"]) == ("spot", "approved", True)
    # What reaches into the cheap hours gets cheaper with each moment that it waits.
    assert outcome["predicted"] == pytest.approx(0.7 * cost, rel=0.03) == pytest.approx(outcome["saved"], rel=0.03)
    assert bus.wait_event(jobs.id("dear"), "amended")["changes"] == {"spot": True}
