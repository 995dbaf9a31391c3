"""bench/run experiments: its short form, on simulated nodes, does what docs/experiments.md says. What holds by the price list is
asserted, never a time."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from harness.charges import accounts
from harness.prices import Prices, milliseconds
from harness.stack import ROOT
from harness.worker import Worker, program

EXPERIMENTS = ROOT / "bench" / "experiments"
PAGE = "Before.\n<!-- measured: begin -->\nold figures\n<!-- measured: end -->\nAfter.\n"


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-experiments").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def experiments(world, console, cost):
    """Runs the command; its result has returncode, stdout and stderr."""
    kubectl = pathlib.Path(world.stack.env["KUBECTL"]).parent

    def run(*arguments):
        path = os.pathsep.join([str(program("")), str(kubectl), os.environ["PATH"]])
        return subprocess.run(
            [sys.executable, "-B", EXPERIMENTS / "run", *arguments],
            env={**os.environ, **world.stack.env, "PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


def prices(bus):
    return Prices([record.data for record in bus.records("oppen.control") if record.type == "policy.changed"])


def test_experiments_cost_what_was_charged(experiments, bus, kube, tmp_path):
    window = kube.get("configmaps/cost-model")["data"].get("off_peak_window")
    page, figures = tmp_path / "experiments.md", tmp_path / "figures.json"
    page.write_text(PAGE)
    done = experiments("--quick", "--docs", page, "--json", figures)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kube.get("configmaps/cost-model")["data"].get("off_peak_window") == window

    found = {each["experiment"]: {row["label"]: row["runs"] for row in each["rows"]} for each in json.loads(figures.read_text())}
    assert all(len(runs) == 1 for rows in found.values() for runs in rows.values())
    runs = {name: [row[0] for row in rows.values()] for name, rows in found.items()}

    # The books, the topic and the price list say the same, to the micro-dollar.
    bus.caught_up()
    charged, known = accounts(bus), prices(bus)
    for run in [run for of_one in runs.values() for run in of_one]:
        assert run["cost_microusd"] == sum(charged[job_id, 1].total for job_id in run["jobs"]), run
        assert run["cost_microusd"] == sum(sum(parts(known, ended(bus, job_id))) for job_id in run["jobs"]), run

    at_once, held = ([charge for job_id in run["jobs"] for charge in charged[job_id, 1].events] for run in runs["off_peak"])
    assert {charge["multipliers"]["time"] for charge in at_once} == {1}
    assert {charge["multipliers"]["time"] for charge in held} == {0.5}
    job = ended(bus, runs["off_peak"][1]["jobs"][0])
    noon = milliseconds("2026-01-05T12:00:00Z")  # by the list as it is delivered, outside of its window
    took = milliseconds(job["ended_at"]) - milliseconds(job["started_at"])
    assert took > 0
    whole = Prices([]).of(job, job.get("gpu_type", ""), noon, noon + took)
    assert all(abs(full - 2 * half) <= 1 for full, half in zip(whole, parts(known, job), strict=True))  # each is rounded

    figure = {name: [run["figures"] for run in of_one] for name, of_one in runs.items()}
    assert [each["epochs"] for each in figure["early_stopping"]][0] == 100
    assert all(each["epochs"] < 100 for each in figure["early_stopping"][1:])
    assert all(each["accuracy"] > 0.9 for name in ("batch_size", "precision", "right_size") for each in figure[name])
    assert len({each["accuracy"] for each in figure["right_size"]}) == 1
    assert all(each["memory_peak_mb"] < 64 for each in figure["right_size"])
    online, *batches = runs["request_batching"]
    assert [len(run["jobs"]) for run in batches] == [3, 1]
    for run in batches:
        assert run["figures"]["requests"] * len(run["jobs"]) == online["figures"]["requests"]
    # The first request of a batch has waited for the last one: 6 s, or the third part of it.
    assert all(run["figures"]["latency_p99_ms"] > 4_500 / len(run["jobs"]) for run in batches)

    text = page.read_text()
    assert text.startswith("Before.\n<!-- measured: begin -->\n") and text.endswith("<!-- measured: end -->\nAfter.\n")
    assert "old figures" not in text and "replayed by simulated pods" in text
    assert all(f"| {label} |" in text for rows in found.values() for label in rows)


def ended(bus, job_id):
    """The data of its last event."""
    return bus.life(job_id)[-1].data


def parts(known, job):
    """Its price: (gpu, cpu, memory)."""
    return known.of(job, job.get("gpu_type", ""), milliseconds(job["started_at"]), milliseconds(job["ended_at"]))


def test_a_page_without_markers_is_refused(experiments, tmp_path):
    """Before anything runs."""
    page = tmp_path / "other.md"
    page.write_text("nothing\n")
    done = experiments("--quick", "--docs", page)
    assert done.returncode == 1 and "measured: begin" in done.stderr, done.stderr
    assert page.read_text() == "nothing\n"
