"""The agent's tools on the whole stack, listed and called by the official TypeScript SDK and by the command line of the protocol's inspector."""

import json
import os
import pathlib
import subprocess

import pytest
from harness.waiting import wait_until
from harness.worker import Worker, program

CLIENT = pathlib.Path(__file__).parent / "harness" / "every_tool.mjs"


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-typescript").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def node(world, console, cost):
    """Runs a JavaScript program; what it has printed, as JSON."""
    folder = os.environ.get("OPPEN_NODE_MODULES")
    if not folder:
        pytest.skip("OPPEN_NODE_MODULES names no folder with what tests/support/javascript/package.json lists: tests/run makes one")
    path = f"{program('oppen').parent}:{os.environ['PATH']}"

    def run(*arguments):
        done = subprocess.run(
            ["node", *arguments], env={**os.environ, **world.stack.env, "PATH": path}, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    run.inspector = pathlib.Path(folder) / "node_modules" / "@modelcontextprotocol" / "inspector-cli" / "build" / "cli.js"
    return run


def test_every_tool_that_reads(node, bus, jobs, policies):
    """By both clients: the same tools, and of each that only reads the same answer as far as it stands still."""
    bus.submit(jobs.spec("ran", seconds=1), jobs.spec("ran-too", seconds=1))
    bus.wait_ended([jobs.id("ran"), jobs.id("ran-too")])
    policies.set(max_concurrent_jobs=1)
    bus.submit(jobs.spec("blocks", seconds=900, priority="urgent"))
    bus.wait_event(jobs.id("blocks"), "started")
    bus.submit(jobs.spec("waits", seconds=900, epochs=100))
    bus.wait_event(jobs.id("waits"), "queued")
    changes = {"job_id": jobs.id("waits"), "changes": {"spot": True}}
    arguments = {
        "recommend_cost_optimization": {"run_id": jobs.id("ran")},
        "forecast_training_cost": {"job_name": jobs.id("waits")},
        "check_training_budget": {"model_type": "mnist", "epochs": 2, "budget_usd": 0.05},
        "compare_training_configs": {"configs": [{"model_type": "mnist", "epochs": 2}, {"model_type": "mnist", "epochs": 4}]},
        "get_training_status": {"job": jobs.id("waits")},
        "get_training_metrics": {"run_id": jobs.id("ran")},
        "compare_training_runs": {"run_ids": [jobs.id("ran"), jobs.id("ran-too")]},
        "simulate_optimization": {"changes": changes},
        "list_queued_jobs": {"limit": 100},
    }

    def both_are_charged():
        told = node(CLIENT, json.dumps(arguments))["told"]
        runs = told["compare_training_runs"]["structuredContent"]
        return not told["recommend_cost_optimization"]["isError"] and all("total_microusd" in run for run in runs["runs"])

    wait_until("the books have both", both_are_charged)
    by_sdk = node(CLIENT, json.dumps(arguments))
    assert by_sdk["server"] == "oppen" and len(by_sdk["listed"]) == len(set(by_sdk["listed"])) >= 21
    told = by_sdk["told"]
    assert not {name: one["text"] for name, one in told.items() if one["isError"]}
    data = {name: one["structuredContent"] for name, one in told.items()}
    assert jobs.id("waits") in [one["job_id"] for one in data["list_queued_jobs"]["jobs"]]
    assert data["get_training_status"]["state"] == "queued" and data["get_queue_status"]["slots"] == 1
    assert data["simulate_optimization"]["savings_microusd"] > 0

    def inspect(*method):
        return node(node.inspector, "--cli", "oppen", "mcp", "--method", *method)

    listed = inspect("tools/list")["tools"]
    assert [one["name"] for one in listed] == by_sdk["listed"]
    reading = [one["name"] for one in listed if one["annotations"]["readOnlyHint"]]
    assert sorted(reading) == sorted(told)
    for name in reading:
        pairs = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in arguments.get(name, {}).items()]
        given = [part for pair in pairs for part in ("--tool-arg", pair)]
        answer = inspect("tools/call", "--tool-name", name, *given)
        assert not answer["isError"], (name, answer["content"][0]["text"])
        assert answer["structuredContent"], name
        if name == "get_training_metrics":  # what it has cost may still be on its way
            assert {**answer["structuredContent"], "total_microusd": 0} == {**data[name], "total_microusd": 0}
