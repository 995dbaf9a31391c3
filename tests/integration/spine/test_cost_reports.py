"""Reports, forecasts and comparisons, asked on the command line, of jobs that really ran: they add up to what was charged."""

import csv
import datetime
import decimal
import io
import itertools
import json
import os
import subprocess

import pytest
from harness.charges import accounts, charges
from harness.prices import milliseconds
from harness.waiting import PATIENCE
from harness.worker import Worker, program

DONE, _, BAD_INPUT, _, NO_SUCH_THING = range(5)
GROUPINGS = ("run", "model", "team", "project", "gpu-type", "namespace", "day")


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-reports").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def oppen(world, console, cost):
    """Runs a command line; its result has returncode, stdout, stderr and, of -o json, data."""

    def run(*arguments, stdin=""):
        done = subprocess.run(
            [program("oppen"), *arguments],
            input=stdin,
            env={**os.environ, **world.stack.env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        done.data = json.loads(done.stdout) if "json" in arguments else None
        return done

    return run


def around_today():
    """The test may cross midnight, or the end of a month."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return ["--from", str(today - datetime.timedelta(days=1)), "--to", str(today + datetime.timedelta(days=1))]


def charged(bus, ids):
    """Once every attempt of them is charged to its end: what each has cost."""
    found = {}

    def all_final():
        found.clear()
        found.update(accounts(bus, lambda job_id: job_id in ids))
        return {job_id for job_id, _ in found} == ids and all(account.final for account in found.values())

    bus.wait_for("everything is charged", all_final)
    bus.caught_up()
    costs = dict.fromkeys(ids, 0)
    for (job_id, _), account in accounts(bus, lambda job_id: job_id in ids).items():
        costs[job_id] += account.total
    return costs


def test_a_report_adds_up_to_what_was_charged(oppen, bus, jobs, policies):
    """To the micro-dollar, however it is grouped, as JSON, CSV and FOCUS; and each job by itself."""
    policies.set(max_concurrent_jobs=20)
    project = jobs.id("project")
    specs = [
        jobs.spec("gpu", seconds=3, team="vision", project=project, name=jobs.id("name"), resources={"gpus": 1, "cpu": "1500m", "memory": "1Gi"}),
        jobs.spec("urgent", seconds=2, team="speech", project=project, priority="urgent"),
        *(jobs.spec(f"small-{number}", seconds=number / 2, team="vision", project=project) for number in range(4)),
    ]
    bus.submit(*specs)
    ids = {spec["job_id"] for spec in specs}
    bus.wait_ended(list(ids))
    costs = charged(bus, ids)
    total = sum(costs.values())
    assert total > 0
    days = [*around_today(), "--project", project]

    def report(*more):
        answer = oppen("report", *days, *more, "-o", "json")
        assert answer.returncode == DONE, answer.stdout
        return answer.data

    bus.wait_for("the books have it all", lambda: report()["total"]["total_microusd"] == total)
    for by in GROUPINGS:
        groups = report("--by", by)["groups"]
        assert sum(group["total_microusd"] for group in groups) == total, by
    assert {group["key"]: group["total_microusd"] for group in report("--by", "run")["groups"]} == costs
    teams = {group["key"]: group for group in report("--by", "team")["groups"]}
    assert (teams["vision"]["runs"], teams["speech"]["runs"]) == (5, 1)
    assert teams["speech"]["total_microusd"] == costs[jobs.id("urgent")]
    assert report("--team", "speech")["total"]["total_microusd"] == costs[jobs.id("urgent")]

    rows = list(csv.DictReader(io.StringIO(oppen("report", *days, "--by", "team", "--format", "csv").stdout)))
    assert [row["row"] for row in rows] == ["group", "group", "total"]
    assert int(rows[-1]["total_microusd"]) == total == sum(int(row["total_microusd"]) for row in rows[:-1])
    focus = list(csv.DictReader(io.StringIO(oppen("report", *days, "--format", "focus").stdout)))
    assert sum(decimal.Decimal(row["BilledCost"]) for row in focus) * 1_000_000 == total
    assert {row["SubAccountId"] for row in focus} == {"vision", "speech"}

    text = oppen("report", *days, "--by", "team")
    assert text.returncode == DONE and "vision" in text.stdout and "6 runs" in text.stdout
    for by_name in (jobs.id("gpu"), jobs.id("name")):
        ended = oppen("forecast", by_name, "-o", "json").data
        assert (ended["basis"], ended["total_microusd"]["expected"]) == ("ended", costs[jobs.id("gpu")])


@pytest.fixture
def unused_node(world):
    """A node with four GPUs that nobody can take: it is cordoned, and paid for."""

    def kubectl(*arguments, stdin=""):
        tool = [world.stack.env["KUBECTL"], "--kubeconfig", world.stack.env["KUBECONFIG"]]
        return subprocess.run([*tool, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=True)

    name = "nobody-takes-these"
    amounts = {"cpu": "8", "memory": "32Gi", "pods": "10", "nvidia.com/gpu": "4"}
    labels = {"type": "kwok", "kubernetes.io/hostname": name, "nvidia.com/gpu.product": "H-idle", "oppen.dev/spot": "true"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"unschedulable": True},
        "status": {"capacity": amounts, "allocatable": amounts},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(node))
    yield name, lambda: kubectl("delete", "node", name, "--ignore-not-found")
    kubectl("delete", "node", name, "--ignore-not-found")


def test_gpus_that_nobody_takes_are_idle(oppen, bus, jobs, policies, cost, unused_node):
    """A node is told of as it comes and goes; its GPUs are idle until then at the list rate, and those of a node with a job less what that
    took; the scheduler tells nothing twice."""
    name, take_away = unused_node
    policies.set(max_concurrent_jobs=20)
    job = jobs.spec("takes", seconds=3, resources={"gpus": 1, "gpu_type": "A100"})
    bus.submit(job)
    node_of_job = bus.wait_event(job["job_id"], "started")["node"]
    bus.wait_ended([job["job_id"]])
    charged(bus, {job["job_id"]})

    def told(node):
        """What the scheduler has said of it; what it publishes again after a crash has the same id."""
        records = {
            record.id: record
            for record in bus.records("oppen.control")
            if record.readable and record.type == "node.observed" and record.headers["ce_source"] == b"/oppen/scheduler"
        }
        return [record.data for record in records.values() if record.data["node"] == node]

    def is_told():
        now = told(name)
        return now and now[-1]["state"] == "cordoned" and now[-1]["gpus"] == 4

    bus.wait_for("the node is told of", is_told)
    assert (told(name)[-1]["gpu_type"], told(name)[-1]["spot"]) == ("H-idle", True)
    held = sum({record.id: gpu_ms(record.data) for record in charges(bus) if record.data.get("job_id") == job["job_id"]}.values())
    assert held > 0

    def idle(*more):
        answer = oppen("report", *around_today(), *more, "-o", "json")
        assert answer.returncode == DONE, answer.stdout
        return answer.data.get("idle", {"nodes": [], "gpu_types": []})

    def nodes():
        return {node["node"]: node for node in idle()["nodes"]}

    def is_counted():
        now = nodes()
        return name in now and node_of_job in now and now[node_of_job]["taken_gpu_hours"] * 3_600_000 > held - 1

    bus.wait_for("idle GPUs are counted", is_counted, deadline=120)
    mine = nodes()[name]
    assert mine["idle_microusd"] == mine["capacity_microusd"] > 0 and mine["taken_microusd"] == 0
    # No rate is told for this type: it has the general one, of a spot node. Of each day the money is rounded.
    policy = [record.data for record in bus.records("oppen.control") if record.readable and record.type == "policy.changed"][-1]["cost_model"]
    rate = float(policy.get("gpu_hourly_usd", "0.25")) * float(policy.get("spot_multiplier", "0.3"))
    assert mine["capacity_microusd"] == pytest.approx(mine["capacity_gpu_hours"] * rate * 1e6, abs=3)
    for row in (idle(), *idle()["gpu_types"], *idle()["nodes"]):
        assert row["capacity_microusd"] + row["unreconciled_microusd"] == row["taken_microusd"] + row["idle_microusd"], row
    assert nodes()[node_of_job]["taken_microusd"] > 0
    assert "idle" not in oppen("report", *around_today(), "--team", "vision", "-o", "json").data, "it is nobody's"

    text = oppen("report", *around_today()).stdout
    assert "IDLE" in text and "H-idle" in text
    rows = list(csv.DictReader(io.StringIO(oppen("report", *around_today(), "--by", "team", "--format", "csv").stdout)))
    assert int(next(row for row in rows if (row["row"], row["team"]) == ("idle", "H-idle"))["total_microusd"]) > 0
    focus = list(csv.DictReader(io.StringIO(oppen("report", *around_today(), "--format", "focus").stdout)))
    assert [row for row in focus if (row["x_Resource"], row["x_GpuType"]) == ("Idle GPU", "H-idle")]
    page = cost.get("/metrics")[1]
    assert 'oppen_gpu_idle_usd{gpu_type="H-idle"}' in page and "oppen_gpu_unreconciled_usd{" in page

    take_away()
    bus.wait_for("the node is told to be gone", lambda: told(name)[-1]["state"] == "gone")
    for node in (name, node_of_job):
        assert all(before != after for before, after in itertools.pairwise(told(node))), node


def gpu_ms(charge):
    """What a charge says was held of GPUs, in milliseconds of one."""
    start, end = (milliseconds(charge[name]) for name in ("interval_start", "interval_end"))
    return (end - start) * charge["gpus"] * (-1 if charge.get("correction") else 1)


def test_a_running_job_is_forecast(oppen, bus, jobs, policies):
    """By the epochs that it tells of; one that waits as if it began now; and it is in the month's forecast."""
    policies.set(max_concurrent_jobs=1)
    bus.submit(jobs.spec("runs", seconds=600, epochs=10))
    bus.wait_event(jobs.id("runs"), "started")
    bus.submit(jobs.spec("waits", epochs=10))
    bus.wait_event(jobs.id("waits"), "queued")
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = [
        bus.command(
            "run.progress",
            {"job_id": jobs.id("runs"), "attempt": 1, "epoch": epoch, "epochs": 10, "at": now, "epoch_seconds": 100 + epoch},
            jobs.id("runs"),
        )
        for epoch in (1, 2, 3, 4)
    ]
    bus.produce_all(told, "oppen.runs")

    def forecast(name):
        answer = oppen("forecast", jobs.id(name), "-o", "json")
        return answer.data if answer.returncode == DONE else {}

    known = bus.wait_for("all four epochs", lambda: (data := forecast("runs")).get("epochs_done") == 4 and data)
    left = known["left_seconds"]
    # Six epochs of 102.5 s on average, the first of which may have begun already.
    assert known["basis"] == "progress" and 5 * 102.5 <= left["expected"] <= 6 * 102.5
    assert left["low"] < left["expected"] < left["high"]
    total = known["total_microusd"]
    assert 0 < total["low"] < total["expected"] < total["high"]
    assert "will have cost" in oppen("forecast", jobs.id("runs")).stdout

    def of_the_month():
        month = oppen("forecast", "--period", "month", "-o", "json").data
        return month["runs_at_work"] >= 1 and month

    month = bus.wait_for("its first charge, by which the books know that it runs", of_the_month)
    assert month["runs_left_microusd"] > 0
    assert month["spent_microusd"] < month["total_microusd"]["expected"]
    assert oppen("forecast", "--period", "year").returncode == BAD_INPUT
    waits = forecast("waits")
    assert waits["begun"] is False and waits["total_microusd"]["expected"] > 0
    assert oppen("forecast", jobs.id("nobody")).returncode == NO_SUCH_THING


def test_configurations_are_compared(oppen, bus, jobs):
    """By the runs of their model type, which it says; a mistyped field is named."""
    bus.submit(jobs.spec("before", epochs=1))
    bus.wait_ended([jobs.id("before")])
    configurations = json.dumps(
        [{"model_type": "mnist", "epochs": 2, "batch_size": size, "name": f"batch-{size}"} for size in (64, 128)]
    )

    def compare():
        answer = oppen("compare", "-", "-o", "json", stdin=configurations)
        assert answer.returncode == DONE, answer.stdout
        return answer.data

    known = bus.wait_for("history", lambda: (data := compare())["configurations"][0]["basis"] == "history" and data, PATIENCE)
    small, large = known["configurations"]
    assert known["fastest"] == "batch-128" and small["history_runs"] >= 1
    assert large["seconds"]["expected"] < small["seconds"]["expected"]
    assert "batch-64" in oppen("compare", "-", stdin=configurations).stdout
    wrong = oppen("compare", "-", stdin=configurations.replace("epochs", "epoch"))
    assert wrong.returncode == BAD_INPUT and "epoch" in wrong.stderr


def test_what_cannot_be_reported(oppen):
    """Bad days are named; days without anything are an answer."""
    wrong = oppen("report", "--month", "2026-13")
    assert wrong.returncode == BAD_INPUT and "2026-13" in wrong.stderr
    empty = oppen("report", "--month", "1999-01")
    assert empty.returncode == DONE and "Nothing has been charged" in empty.stdout
