"""Reports, forecasts and comparisons, asked on the command line, of jobs that really ran: they add up to what was charged."""

import csv
import datetime
import decimal
import io
import json
import os
import subprocess

import pytest
from harness.charges import accounts
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
