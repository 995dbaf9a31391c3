"""The agent's tools on the whole stack, called by the official client of the Model Context Protocol: what they do, in numbers, and that only a
human can approve."""

import asyncio
import datetime
import json
import os
import subprocess

import pytest
from harness.charges import accounts
from harness.waiting import wait_until
from harness.worker import Worker, program
from jsonschema import Draft202012Validator
from mcp import Client, MCPError, StdioServerParameters

TOOLS = {
    "queue_training_job", "get_queue_status", "submit_batch_training_jobs", "cancel_queued_job", "list_queued_jobs",
    "get_training_dashboard", "recommend_cost_optimization", "forecast_training_cost", "check_training_budget",
    "get_training_cost_report", "compare_training_configs", "trigger_training_job", "get_training_status", "list_training_runs",
    "get_training_metrics", "compare_training_runs", "analyze_costs", "propose_optimizations", "simulate_optimization",
    "apply_optimization", "get_optimization_effect",
}  # fmt: skip
SMALL = {"gpus": 0, "cpu": "100m", "memory": "64Mi"}


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-agent").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


class Agent:
    """An MCP client: each call starts a server of its own. The client holds what is told against the tool's output schema."""

    def __init__(self, stack):
        self._server = StdioServerParameters(command=str(program("oppen")), args=["mcp"], env={**os.environ, **stack.env})

    def with_client(self, use, mode="auto"):
        async def session():
            async with Client(self._server, mode=mode) as client:
                return await use(client)

        return asyncio.run(session())

    def ask(self, name, **arguments):
        return self.with_client(lambda client: client.call_tool(name, arguments))

    def call(self, name, **arguments):
        """What the tool tells, which is no failure."""
        result = self.ask(name, **arguments)
        assert not result.is_error, f"{name}: {result.content[0].text}"
        assert result.content[0].text.strip()
        return result.structured_content

    def refused(self, name, **arguments):
        """Why the tool does not do it: its error object."""
        result = self.ask(name, **arguments)
        assert result.is_error, f"{name}: {result.content[0].text}"
        return json.loads(result.content[1].text)["error"]


@pytest.fixture
def agent(world, console, cost):
    return Agent(world.stack)


@pytest.fixture
def oppen(world, console):
    def run(*arguments, stdin=""):
        return subprocess.run(
            [program("oppen"), *arguments],
            input=stdin,
            env={**os.environ, **world.stack.env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


async def code_of(call):
    """The code with which the protocol refuses it."""
    with pytest.raises(MCPError) as error:
        await call
    return error.value.error.code


def occupied(bus, jobs, policies, slots=1):
    """All slots are taken by jobs that run until the test's end."""
    policies.set(max_concurrent_jobs=slots)
    blockers = [jobs.spec(f"blocks-{number}", seconds=900, priority="urgent") for number in range(slots)]
    bus.submit(*blockers)
    for blocker in blockers:
        bus.wait_event(blocker["job_id"], "started")
    return [blocker["job_id"] for blocker in blockers]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_are_declared(agent, mode):
    """In the current revision and an older one: by their names, with schemas that are such, and examples that fit them."""
    tools = agent.with_client(lambda client: client.list_tools(), mode).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
        (example,) = tool.input_schema["examples"]
        Draft202012Validator(tool.input_schema).validate(example)
        assert not tool.annotations.read_only_hint or not tool.annotations.destructive_hint
    assert [tool.name for tool in tools if tool.annotations.destructive_hint] == ["cancel_queued_job"]
    for name in ("approve", "reject", "undo", "approve_optimization"):
        assert agent.with_client(lambda client, one=name: code_of(client.call_tool(one, {"proposal_id": "x"})), mode) == -32602


def test_an_older_client(agent, bus, jobs):
    """Of the revisions before: the same tools, results and refusals."""

    async def use(client):
        good = await client.call_tool("get_queue_status", {"limit": 1})
        bad = await client.call_tool("queue_training_job", {"model_type": "mnist", "epochs": "two", "job_id": jobs.id("no")})
        return good, bad

    good, bad = agent.with_client(use, "legacy")
    assert good.structured_content["slots"] >= 1 and not good.is_error
    assert bad.is_error and 'epochs is "two": expected a whole number' in bad.content[0].text
    bus.caught_up()
    assert not bus.events(jobs.id("no"))


def test_jobs_are_queued_listed_and_cancelled(agent, bus, jobs, policies, oppen):
    """Urgent before normal; the pending cost is the sum of the estimates, and shrinks by what is cancelled."""
    (blocker,) = occupied(bus, jobs, policies)
    normal = agent.call("queue_training_job", model_type="mnist", epochs=2, job_id=jobs.id("normal"), resources=SMALL)
    urgent = agent.call("queue_training_job", model_type="mnist", epochs=4, job_id=jobs.id("urgent"), priority="urgent", resources=SMALL)
    assert (normal["event"], urgent["event"], urgent["position"]) == ("job.queued", "job.queued", 1)
    assert urgent["estimated_cost_microusd"] == bus.wait_event(urgent["job_id"], "queued")["estimated_cost_microusd"] > 0
    again = agent.call("queue_training_job", model_type="mnist", epochs=2, job_id=jobs.id("normal"), resources=SMALL)
    assert again["event"] == "job.duplicate"
    assert agent.refused("queue_training_job", model_type="mnist", epochs=3, job_id=jobs.id("normal"))["code"] == "conflict"

    configs = [{"model_type": "mnist", "epochs": 2, "batch_size": 8 * (1 + number), "resources": SMALL} for number in range(20)]
    faulty = [*configs, {"epochs": 0}]
    error = agent.refused("submit_batch_training_jobs", jobs=faulty, batch_id=jobs.id("batch"))
    assert {one["field"] for one in error["fields"]} == {"jobs[20].epochs", "jobs[20].model_type"}
    dear = agent.refused("submit_batch_training_jobs", jobs=configs, batch_id=jobs.id("batch"), max_total_usd=0.000001)
    assert dear["code"] == "refused"
    batch = agent.call("submit_batch_training_jobs", jobs=configs, batch_id=jobs.id("batch"), max_total_usd=10)
    assert (batch["jobs_submitted"], batch["first_job_id"]) == (20, jobs.id("batch-1"))
    again = agent.call("submit_batch_training_jobs", jobs=configs, batch_id=jobs.id("batch"), max_total_usd=10)
    assert (again["event"], again["jobs_submitted"]) == ("batch.duplicate", 0)
    assert agent.refused("submit_batch_training_jobs", jobs=configs[:3], batch_id=jobs.id("batch"))["code"] == "conflict"
    costs = {one: bus.wait_event(one, "queued")["estimated_cost_microusd"] for one in batch["job_ids"]}
    assert sum(costs.values()) == batch["estimated_cost_microusd"]
    costs |= {one["job_id"]: one["estimated_cost_microusd"] for one in (normal, urgent)}

    listed = agent.call("list_queued_jobs", limit=100)
    mine = [one["job_id"] for one in listed["jobs"] if one["job_id"] in costs]
    assert mine == [urgent["job_id"], normal["job_id"], *batch["job_ids"]]
    assert listed["pending_cost_microusd"] == sum(one["estimated_cost_microusd"] for one in listed["jobs"])
    status = agent.call("get_queue_status", limit=5)
    assert (status["queued"]["total"], status["slots"]) == (listed["queued"], 1) and status["running"] >= 1
    assert status["jobs"][0]["job_id"] == urgent["job_id"]

    gone = agent.call("cancel_queued_job", job_id=normal["job_id"], reason="not needed")
    assert gone["was"] == "queued"
    assert gone["pending_cost_microusd"] == listed["pending_cost_microusd"] - costs[normal["job_id"]]
    assert bus.wait_event(normal["job_id"], "cancelled")["reason"] == "not needed"
    assert agent.refused("cancel_queued_job", job_id=blocker)["code"] == "refused"
    assert agent.refused("cancel_queued_job", job_id=jobs.id("nobody"))["code"] == "not_found"
    assert agent.call("get_training_status", job=blocker)["state"] == "running"

    waits = agent.call("get_training_status", job=urgent["job_id"])
    assert waits["state"] == "queued" and waits["explain"]["position"] == 1
    assert waits["forecast"]["begun"] is False
    dashboard = agent.call("get_training_dashboard")
    assert dashboard["queue"]["pending_cost_microusd"] == gone["pending_cost_microusd"]
    assert blocker in [one["job_id"] for one in dashboard["pods"]["pods"]]
    assert "redis" in {one["name"] for one in dashboard["health"]["parts"]}

    # A person calls the same tool.
    told = oppen("tool", "get_queue_status", "limit=1", "-o", "json")
    assert told.returncode == 0 and json.loads(told.stdout)["pending_cost_microusd"] == gone["pending_cost_microusd"]
    assert oppen("tool", "get_queue_status", "limit=many").returncode == 2
    assert oppen("tool", "no_such_tool").returncode == 4
    listing = json.loads(oppen("tool", "-o", "json").stdout)["tools"]
    assert {one["name"] for one in listing} == TOOLS


def test_a_budget_is_checked_before(agent, bus, jobs, policies, one_price):
    """The forecast is what the job is estimated at once it is queued; what does not fit is told with what would be cheaper."""
    occupied(bus, jobs, policies)
    job = {"model_type": "mnist", "epochs": 2, "batch_size": 64, "resources": SMALL}
    fits = agent.call("check_training_budget", budget_usd=1, **job)
    queued = agent.call("queue_training_job", job_id=jobs.id("one"), **job)
    cost = queued["estimated_cost_microusd"]
    assert fits["feasible"] and fits["estimated_cost_microusd"] == cost
    assert fits["utilization_percent"] == pytest.approx(cost / 1e4)
    small = agent.call("check_training_budget", budget_usd=cost / 2e6, **job)
    assert not small["feasible"] and small["utilization_percent"] > 190
    spot = next(one for one in small["alternatives"] if one["changes"] == {"spot": True})
    assert spot["estimated_cost_microusd"] == pytest.approx(cost * 0.3, abs=1) and spot["feasible"]
    ten = agent.call("check_training_budget", runs=10, **job)
    assert ten["estimated_cost_microusd"] == 10 * cost and ten["plan"]["at_once"] == 1

    compared = agent.call("compare_training_configs", configs=[{**job, "name": "small"}, {**job, "batch_size": 128, "name": "large"}])
    by_name = {one["name"]: one for one in compared["configurations"]}
    assert by_name["small"]["cost_microusd"]["expected"] == pytest.approx(cost, abs=1)
    assert compared["cheapest"] == min(by_name, key=lambda name: by_name[name]["cost_microusd"]["expected"])
    assert agent.refused("compare_training_configs", configs=[job])["fields"][0]["field"] == "configs"


def test_runs_are_told_of(agent, bus, jobs, policies):
    """Triggered and waited for; what runs have cost and reported, to the micro-dollar, one by one and summed."""
    policies.set(max_concurrent_jobs=20)
    project = jobs.id("project")
    started = agent.call("trigger_training_job", model_type="mnist", job_id=jobs.id("now"), resources=SMALL, project=project, wait_seconds=120)
    assert started["event"] == "job.started" and started["node"]
    bus.wait_event(started["job_id"], "started")
    accuracies = {"good": 0.95, "better": 0.97}
    for name, accuracy in accuracies.items():
        metrics = json.dumps({"accuracy": accuracy})
        bus.submit(jobs.spec(name, seconds=1, project=project, name=jobs.id(f"named-{name}"), env={"SIMULATED_METRICS": metrics}))
    ids = {jobs.id(name) for name in ("now", *accuracies)}
    bus.wait_ended(ids)

    def charged():
        found = accounts(bus, lambda job_id: job_id in ids)
        return {one for one, _ in found} == ids and all(account.final for account in found.values())

    bus.wait_for("everything is charged", charged)
    costs = {one: account.total for (one, _), account in accounts(bus, lambda job_id: job_id in ids).items()}

    def report():
        told = agent.call("get_training_cost_report", project=project, start_date=days_ago(1), end_date=days_ago(-1))
        return told["total"]["total_microusd"] == sum(costs.values()) and told

    told = bus.wait_for("the books have it all", report)
    assert {one["key"]: one["total_microusd"] for one in told["groups"] if not one.get("rest")} == costs

    run = agent.call("get_training_metrics", run_id=jobs.id("named-good"))
    assert (run["id"], run["metrics"]["accuracy"], run["total_microusd"]) == (jobs.id("good"), 0.95, costs[jobs.id("good")])
    both = agent.call("compare_training_runs", run_ids=[jobs.id("good"), jobs.id("better")])
    assert both["most_accurate"] == jobs.id("better")
    assert both["cheapest"] == min((jobs.id("good"), jobs.id("better")), key=lambda one: costs[one])
    assert agent.refused("get_training_metrics", run_id=jobs.id("nobody"))["code"] == "not_found"
    runs = agent.call("list_training_runs", project=project, state="succeeded")
    assert {one["id"]: one["total_microusd"] for one in runs["runs"]} == costs
    over = agent.call("forecast_training_cost", job_name=jobs.id("good"), remaining_epochs=2)
    assert (over["basis"], over["spent_microusd"]) == ("ended", costs[jobs.id("good")])
    saved = agent.call("recommend_cost_optimization", run_id=jobs.id("good"))
    assert saved["total_microusd"] == costs[jobs.id("good")] and saved["recommendations"]
    analysis = agent.call("analyze_costs", project=project, days=2)
    assert analysis["total_microusd"] == sum(costs.values()) == sum(one["total_microusd"] for one in analysis["workloads"])
    assert [one["total_microusd"] for one in analysis["runs"]] == sorted(costs.values(), reverse=True)
    status = agent.call("get_training_status", job=jobs.id("named-good"))
    assert (status["job_id"], status["state"]) == (jobs.id("good"), "succeeded")


def days_ago(days):
    return str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=days))


def test_a_change_takes_effect_when_a_human_approves(agent, bus, jobs, policies, oppen, one_price):
    """Analysed, proposed, simulated, applied: nothing changes. Approved: the job is amended. Undone: it is as it was."""
    occupied(bus, jobs, policies)
    job_id = jobs.id("dear")
    job = {"model_type": "mnist", "epochs": 2_000, "batch_size": 64, "resources": SMALL}
    cost = agent.call("queue_training_job", job_id=job_id, **job)["estimated_cost_microusd"]
    proposals = agent.call("propose_optimizations", limit=100)["proposals"]
    assert [one["savings_microusd"] for one in proposals] == sorted((one["savings_microusd"] for one in proposals), reverse=True)
    changes = {"job_id": job_id, "changes": {"spot": True}}
    spot = next(one for one in proposals if one.get("changes") == changes)
    # What reaches into the cheap hours gets cheaper with each moment that it waits; the plan is of one behind it, which may lie in them as a whole.
    assert spot["savings_microusd"] == pytest.approx(0.7 * cost, rel=0.03)
    assert spot["confidence"] and spot["risk"] and spot["evidence"]["cost_before_microusd"] == pytest.approx(cost, rel=0.03)
    simulated = agent.call("simulate_optimization", changes=changes)
    assert simulated["savings_microusd"] == pytest.approx(spot["savings_microusd"], rel=0.03)
    assert simulated["now"]["position"] >= 1 and 0.14 * cost < simulated["plan"]["estimated_cost_microusd"] < 0.31 * cost

    applied = agent.call("apply_optimization", changes=changes, summary="it can be repeated")
    proposal = applied["proposal_id"]
    assert (applied["state"], proposal) == ("waiting_for_approval", spot["proposal_id"])
    assert agent.call("apply_optimization", changes=changes)["already_there"] is True

    def effect():
        (one,) = agent.call("get_optimization_effect", proposal_id=proposal)["proposals"]
        return one

    def told(name):
        return json.loads(oppen("describe", job_id, "-o", "json").stdout)[name]

    assert effect()["state"] == "waiting_for_approval" and not told("spot")
    waiting = json.loads(oppen("proposals", "-o", "json").stdout)["proposals"]
    assert [one["proposal_id"] for one in waiting if one["changes"].get("job_id") == job_id] == [proposal]
    approved = oppen("approve", proposal, "--reason", "cheaper")
    assert approved.returncode == 0, approved.stderr
    bus.wait_event(job_id, "amended")
    wait_until("the change is carried out", lambda: effect().get("carried_out"))
    now = effect()
    assert (now["state"], now["job_state"], now["final"]) == ("approved", "queued", False)
    assert now["saved_microusd"] == pytest.approx(now["predicted_savings_microusd"], rel=0.03) and told("spot")
    assert oppen("undo", proposal).returncode == 0
    wait_until("it is as it was", lambda: not effect()["carried_out"])
    assert effect()["state"] == "undone" and not told("spot")

    more = agent.call("simulate_optimization", changes={"key": "max_concurrent_jobs", "value": "2"})
    assert more["after"]["until_all_have_run_seconds"] <= more["before"]["until_all_have_run_seconds"]
    assert more["waiting"] >= 1 and more["start_later"] == 0
    refused = agent.refused("simulate_optimization", changes={"key": "preemption_enabled", "value": "true"})
    assert refused["code"] == "refused" and "preemption_enabled" in refused["message"]


def test_a_cancelled_call_stops_waiting(agent, bus, jobs, policies, world):
    """A call that waits for a job's start ends when it is cancelled: it is not answered, what it sent stays, and the next one has its turn."""
    occupied(bus, jobs, policies)
    server = subprocess.Popen(
        [program("oppen"), "mcp"], env={**os.environ, **world.stack.env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:

        def send(**message):
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            server.stdin.flush()

        def call(number, name, **arguments):
            send(id=number, method="tools/call", params={"name": name, "arguments": arguments})

        send(id=1, method="initialize", params={"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})
        assert json.loads(server.stdout.readline())["id"] == 1
        call(2, "trigger_training_job", model_type="mnist", job_id=jobs.id("waits"), resources=SMALL, wait_seconds=300)
        bus.wait_event(jobs.id("waits"), "queued")
        send(method="notifications/cancelled", params={"requestId": 2, "reason": "the user has changed his mind"})
        call(3, "get_training_status", job=jobs.id("waits"))
        answer = json.loads(server.stdout.readline())
        assert answer["id"] == 3 and answer["result"]["structuredContent"]["state"] == "queued"
        # Nor is a start waited for that nobody is there to hear of.
        call(4, "trigger_training_job", model_type="mnist", job_id=jobs.id("left"), resources=SMALL, wait_seconds=300)
        bus.wait_event(jobs.id("left"), "queued")
        server.stdin.close()
        assert json.loads(server.stdout.readline())["result"]["structuredContent"]["state"] == "queued"
        assert not server.stdout.read() and server.wait(timeout=60) == 0
    finally:
        server.kill()
        server.wait()


def test_a_stack_that_is_away(world):
    """Every tool says what can't be reached; the server goes on."""
    nowhere = {**os.environ, **world.stack.env, "OPPEN_CONSOLE_URL": "http://127.0.0.1:1"}
    server = StdioServerParameters(command=str(program("oppen")), args=["mcp"], env=nowhere)

    async def use():
        async with Client(server) as client:
            return [await client.call_tool(name, {}) for name in ("get_queue_status", "get_training_dashboard", "analyze_costs")]

    for failed in asyncio.run(use()):
        assert failed.is_error and "OPPEN_CONSOLE_URL" in failed.content[0].text
