"""Budgets on the real thing: what there is no room for waits and stands in nobody's way, whoever dies meanwhile."""

import json
import os
import subprocess
import uuid

import pytest
from harness.jobs import Jobs
from harness.waiting import wait_until
from harness.worker import Worker, program

DONE, NO, NO_SUCH = 0, 1, 4


@pytest.fixture(scope="module")
def cost(rough_world):
    worker = Worker(rough_world.stack, "oppen-cost", None, rough_world.logs, label="cost-budgets").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture(scope="module")
def asked(rough_world):
    """A console for the commands that ask."""
    listen = rough_world.stack.env["OPPEN_CONSOLE_URL"].removeprefix("http://")
    worker = Worker(rough_world.stack, "oppen-console", "KUBECONFIG_CONSOLE", rough_world.logs, listen=listen).start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def oppen(rough_world, asked):
    """Runs a command line with -o json: (exit code, its answer)."""

    def run(*arguments, stdin=""):
        done = subprocess.run(
            [program("oppen"), *arguments, "-o", "json"],
            input=stdin,
            env={**os.environ, **rough_world.stack.env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture
def mine(request, rough_world):
    jobs = Jobs(request.node.originalname.removeprefix("test_"), rough_world.bus)
    yield jobs
    jobs.clear()


@pytest.fixture
def budget(rough_world, cost, oppen):
    """Sets a budget of a team of its own, and waits until keeper and scheduler know it; withdrawn after the test."""
    name = f"b-{uuid.uuid4().hex[:8]}"

    def known():
        text = rough_world.stack.redis("GET", "{oppen.scheduler}:budgets")
        book = json.loads(text) if text else {"sets": [], "told": []}
        if not any(one["budget_id"] == name for one in book["sets"]):
            return 0
        summed = any(one["state"]["budget_id"] == name for one in book["told"])
        return next(one["amount_microusd"] for one in book["sets"] if one["budget_id"] == name) if summed else None

    def put(microusd, mode="hard"):
        arguments = ("--amount", f"{microusd / 1e6:.6f}", "--mode", mode, "--team", name)
        assert oppen("budget", "set", name, *arguments)[0] == DONE
        wait_until("the scheduler knows the budget", lambda: known() == microusd)

    put.name = name
    yield put
    put(0)


def listed(oppen, name):
    code, answer = oppen("budget", "list")
    assert code == DONE, answer
    return next((one for one in answer["budgets"] if one["budget_id"] == name), None)


def spec(mine, budget, name, team=None, seconds=600):
    """Of a model type that nothing has been learned of, so that all are estimated alike."""
    fields = {"model_type": mine.id("model"), "image": "oppen.dev/simulated:1", "team": team or budget.name}
    return mine.spec(name, seconds=seconds, **fields)


def wait_held(oppen, job_id, name):
    def reason():
        return oppen("explain", job_id)[1].get("reason") or {}

    wait_until(f"{job_id} is held", lambda: reason().get("kind") == "budget_hold" and reason().get("budget") == name)
    return reason()


def test_a_hard_budget_holds_until_it_is_raised_whoever_dies(rough_world, cost, oppen, mine, budget):
    """The team's second job would exceed the budget and waits; another team's goes. Scheduler and keeper are killed: it still waits, as
    does a third. Raised, the budget has room for the second and not for the third."""
    bus = rough_world.bus
    first, second, third = (spec(mine, budget, name) for name in ("first", "second", "third"))
    other = spec(mine, budget, "other", team="another")
    bus.submit(first)
    price = bus.wait_event(first["job_id"], "queued")["estimated_cost_microusd"]
    assert price > 10
    bus.wait_event(first["job_id"], "started")
    budget(price + price // 2)
    bus.submit(second, other)
    bus.wait_event(other["job_id"], "launched")
    reason = wait_held(oppen, second["job_id"], budget.name)
    assert "spent $" in reason["sentence"] and reason["until"].endswith("T00:00:00.000Z")

    rough_world.scheduler.kill()
    cost.kill()
    bus.submit(third)
    cost.start()
    rough_world.scheduler.start().wait_ready()
    cost.wait_ready()
    for job in (second, third):
        wait_held(oppen, job["job_id"], budget.name)
        assert bus.story(job["job_id"]) == ["queued"]

    budget(2 * price + price // 2)
    bus.wait_event(second["job_id"], "launched")
    wait_held(oppen, third["job_id"], budget.name)
    assert bus.story(third["job_id"]) == ["queued"]


def test_what_was_spent_is_told_and_listed(rough_world, cost, oppen, mine, budget):
    """A run is charged: budget.state says to the micro-dollar what the charges add up to, the list shows it, and so do the metrics."""
    bus = rough_world.bus
    budget(100_000_000, "soft")
    job = spec(mine, budget, "short", seconds=2)
    bus.submit(job)
    bus.wait_ended([job["job_id"]])

    def charges():
        return [record.data for record in bus.records("oppen.costs") if record.data.get("team") == budget.name]

    bus.wait_for("the last charge", lambda: any(charge["final"] for charge in charges()))
    spent = sum(charge["total_microusd"] for charge in charges())
    assert spent > 0

    def told():
        states = [r.data for r in bus.records("oppen.control") if r.type == "budget.state" and r.key == budget.name]
        return states and states[-1]["spent_microusd"] == spent

    bus.wait_for("budget.state", told, deadline=90)
    shown = wait_until("the list", lambda: listed(oppen, budget.name))
    assert shown["spent_microusd"] == spent and not shown["exceeded"] and shown["forecast_microusd"] >= spent
    assert f'oppen_budget_used_ratio{{budget="{budget.name}"}}' in cost.get("/metrics")[1]


def test_an_approval_lets_a_job_pass_and_a_rejection_ends_it(rough_world, cost, oppen, mine, budget):
    """Beyond a budget of mode approval jobs wait and are proposed; check says so beforehand, with what would fit."""
    bus = rough_world.bus
    budget(1, "approval")
    yes, no = spec(mine, budget, "yes"), spec(mine, budget, "no")
    code, verdict = oppen("budget", "check", "-", stdin=json.dumps([yes]))
    assert code == NO and not verdict["feasible"]
    judged = [one["budget_id"] for one in verdict["budgets"] if not one["fits"]]
    assert judged == [budget.name]
    assert [list(one["changes"]) for one in verdict["alternatives"]] == [["batch_size"], ["window"], ["spot"]]
    bus.submit(yes, no)
    for job in (yes, no):
        wait_held(oppen, job["job_id"], budget.name)

    def proposed():
        return {one["proposal_id"] for one in oppen("proposals")[1]["proposals"]}

    wait_until("both are proposed", lambda: {yes["job_id"], no["job_id"]} <= proposed())
    assert oppen("approve", yes["job_id"])[0] == DONE
    bus.wait_event(yes["job_id"], "launched")
    assert oppen("reject", no["job_id"], "--reason", "too dear")[0] == DONE
    cancelled = bus.wait_event(no["job_id"], "cancelled")
    assert "too dear" in cancelled["reason"]
    assert not {yes["job_id"], no["job_id"]} & proposed()
    assert oppen("approve", no["job_id"])[0] == NO


def test_an_approved_proposal_takes_effect_and_is_undone(rough_world, cost, oppen, mine, budget):
    """Proposals that name a change: of a queued job, and of a policy. Each is carried out once when it is approved, and taken back."""
    bus = rough_world.bus
    budget(1, "hard")
    job = spec(mine, budget, "dear") | {"batch_size": 32}
    bus.submit(job)
    wait_held(oppen, job["job_id"], budget.name)
    amend = {"job_id": job["job_id"], "changes": {"batch_size": 64}}
    override = {"key": "retry_hold_seconds", "value": "77"}
    proposed = {f"{budget.name}-amend": amend, f"{budget.name}-override": override}
    common = {"kind": "test", "summary": "", "predicted_savings_microusd": 1, "expires_at": "2999-01-01T00:00:00Z"}
    for proposal_id, changes in proposed.items():
        data = common | {"proposal_id": proposal_id, "changes": changes}
        bus.produce_all([bus.command("proposal.created", data, proposal_id)], topic="oppen.control")
        assert proposal_id in {one["proposal_id"] for one in oppen("proposals")[1]["proposals"]}
        assert oppen("undo", proposal_id)[0] == NO
        assert oppen("approve", proposal_id)[0] == DONE
        assert oppen("approve", proposal_id)[0] == NO

    def amended():
        return [event.data["changes"] for event in bus.events(job["job_id"], "amended")]

    def in_force():
        changed = [r.data for r in bus.records("oppen.control") if r.type == "policy.changed"]
        return {one["key"]: one["because"] for one in changed[-1].get("overrides", [])} if changed else {}

    bus.wait_for("the amendment", lambda: amended() == [{"batch_size": 64}])
    bus.wait_for("the override", lambda: in_force().get("retry_hold_seconds") == f"{budget.name}-override")
    for proposal_id in proposed:
        assert oppen("undo", proposal_id)[0] == DONE
    bus.wait_for("what it was", lambda: amended() == [{"batch_size": 64}, {"batch_size": 32}])
    bus.wait_for("the end of the override", lambda: "retry_hold_seconds" not in in_force())
    decided = {one["proposal_id"]: one for one in oppen("proposals", "--decided")[1]["proposals"]}
    assert decided[f"{budget.name}-override"]["decision"] == "undo"
    assert [one["key"] for one in decided[f"{budget.name}-override"]["overrides"]] == ["retry_hold_seconds"] * 2
    assert oppen("approve", "nothing-of-the-kind")[0] == NO_SUCH


def test_a_budget_that_is_not_valid_is_set_aside(rough_world, cost):
    """With the field and its value; what comes after it is read."""
    bus = rough_world.bus
    data = {"budget_id": "wrong", "period": "week", "amount_microusd": 5, "mode": "hard"}
    offset = bus.produce_all([bus.command("budget.set", data, "wrong")], topic="oppen.control")[0]
    letter = bus.wait_for("the dead letter", lambda: bus.dead_letter(offset, "oppen.control"))
    assert b'period is "week"' in letter.headers["oppen_error"]
