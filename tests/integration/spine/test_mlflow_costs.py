"""What runs have cost comes to stand in a real MLflow: as the topic costs says, once, whatever is killed or away meanwhile."""

import collections
import datetime
import re
import time

import pytest
from harness.bus import Bus
from harness.mlflow import Mlflow, now_ms
from harness.stack import Stack
from harness.waiting import PATIENCE, wait_until
from harness.worker import Worker

MEMORY = 50  # MB
COST, PER_EPOCH, ROI = "oppen.cost_usd", "oppen.cost_per_epoch_usd", "oppen.roi"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("mlflow-costs") / "stack", services="kafka,redis")
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture(scope="module")
def bus(stack):
    made = Bus(stack)
    policy = {"scheduling_policies": {}, "cost_model": {"gpu_hourly_usd": "0.777777"}, "effective_from": stamp(time.time() - 86_400)}
    made.produce_all([made.command("policy.changed", policy, "policy")], "oppen.control")
    yield made
    made.close()


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    made = Mlflow(tmp_path_factory.mktemp("mlflow-server"))
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def cost(stack, tmp_path_factory):
    worker = Worker(stack, "oppen-cost", None, tmp_path_factory.mktemp("cost")).start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture
def console(stack, cost, tmp_path):
    """Not started yet."""
    worker = Worker(stack, "oppen-console", None, tmp_path)
    yield worker
    assert worker.stop() in (0, None), worker.tail()


class Bridged:
    """An experiment, its runs, and the bridge that looks at it alone."""

    def __init__(self, stack, mlflow, bus, console, folder, name):
        self.mlflow, self.bus = mlflow, bus
        self.experiment = mlflow.experiment(name)
        self.stack, self.folder = stack, folder
        self.settings = {
            "MLFLOW_TRACKING_URI": mlflow.uri,
            "OPPEN_CONSOLE_URL": f"http://{console.listen}",
            "OPPEN_MLFLOW_EXPERIMENTS": name,
            "OPPEN_MLFLOW_POLL_INTERVAL": "1",
            "OPPEN_MLFLOW_SWEEP_INTERVAL": "10",
            **mlflow.credentials,
        }
        self.worker = self.another()

    def another(self, **settings):
        return Worker(self.stack, "oppen-mlflow", None, self.folder, settings={**self.settings, **settings})

    def finished(self, metrics=None, **fields):
        run_id = self.mlflow.begin(self.experiment, **fields)
        if metrics:
            self.mlflow.log(run_id, metrics=metrics)
        self.mlflow.end(run_id)
        return run_id

    def charged(self):
        """What the topic says that each run from outside, or attempt, has cost: {run id or (job id, attempt): (micro-dollars, is final)}."""
        found, seen = collections.defaultdict(lambda: (0, False)), set()
        for record in self.bus.records("oppen.costs"):
            if record.id not in seen:
                seen.add(record.id)
                data = record.data
                key = data.get("run_id") or (data["job_id"], data["attempt"])
                found[key] = (found[key][0] + data["total_microusd"], data.get("final", False))
        return found

    def wait_charged(self, *keys):
        self.bus.wait_for(f"charges of {keys}", lambda: all(self.charged()[key][1] for key in keys))
        return [self.charged()[key][0] for key in keys]

    def wait_cost(self, run_id, microusd, deadline=PATIENCE):
        """Until MLflow says so; (tags, metrics)."""

        def says():
            tags, metrics = self.mlflow.run(run_id)
            return (tags, metrics) if tags.get("oppen.cost_microusd") == str(microusd) else None

        return wait_until(f"{microusd} at {run_id}", says, deadline, pause=0.2, explain=lambda: f"{self.mlflow.run(run_id)}\n{self.worker.tail()}")


@pytest.fixture
def bridged(request, stack, mlflow, bus, console, tmp_path):
    made = Bridged(stack, mlflow, bus, console, tmp_path, request.node.name)
    yield made
    assert made.worker.stop() in (0, None), made.worker.tail()


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ended(bus, job_id, attempt, seq, kind, begin, end):
    """The event that an attempt on two A100 has ended."""
    data = {
        "job_id": job_id,
        "seq": seq,
        "attempt": attempt,
        "state": "succeeded" if kind == "job.succeeded" else "queued",
        "name": "made",
        "model_type": "mnist",
        "workload_type": "training",
        "priority": "normal",
        "team": "vision",
        "project": "digits",
        "user": "kim",
        "resources": {"gpus": 2, "cpu": "1500m", "memory": "1Gi"},
        "spot": False,
        "epochs": 10,
        "batch_size": 64,
        "pod": f"{job_id}-{attempt}",
        "namespace": "ml-training",
        "node": "n",
        "gpu_type": "A100",
        "started_at": stamp(begin),
        "ended_at": stamp(end),
        "duration_seconds": end - begin,
        **({"metrics": {}} if kind == "job.succeeded" else {"reason": "lost", "class": "node"}),
    }
    bus.produce_all([bus.command(kind, data, job_id, f"{job_id}/{seq}")], "oppen.job-events")


def of_attempt(job_id, attempt):
    return {"oppen.job_id": job_id, "oppen.attempt": str(attempt)}


def test_cost_and_return_of_each_run(bridged, console):
    """A run from outside and two attempts of a job: the cost is the topic's, and what is derived from it is worked out here."""
    console.start()
    bridged.worker.start()
    outside = bridged.finished(metrics={"val_accuracy": 0.945}, tags={"baseline_metric": "0.9", "gpus": "4"}, start_time=now_ms() - 3_600_000)
    plain = bridged.finished()
    runs = [bridged.finished(tags=of_attempt("a-job", attempt)) for attempt in (1, 2)]
    begin = time.time() - 600
    ended(bridged.bus, "a-job", 1, 2, "job.requeued", begin, begin + 100)
    ended(bridged.bus, "a-job", 2, 4, "job.succeeded", begin + 110, begin + 400.123)

    [microusd] = bridged.wait_charged(outside)
    tags, metrics = bridged.wait_cost(outside, microusd)
    assert microusd > 1_000_000, "an hour of four GPUs, off-peak or not"
    assert metrics[COST] == microusd / 1e6
    each = (microusd + 5) // 10
    assert metrics[PER_EPOCH] == each / 1e6 and tags["oppen.cost_per_epoch_microusd"] == str(each)
    assert metrics[ROI] == float(tags["oppen.roi"]) == pytest.approx(5 / (microusd / 1e6), abs=0.001)
    assert metrics["val_accuracy"] == 0.945 and tags["gpus"] == "4"

    [microusd] = bridged.wait_charged(plain)
    tags, metrics = bridged.wait_cost(plain, microusd)
    assert metrics.keys() == {COST, PER_EPOCH} and "oppen.roi" not in tags

    first, second = bridged.wait_charged(("a-job", 1), ("a-job", 2))
    assert 0 < first < second
    bridged.wait_cost(runs[0], first)
    bridged.wait_cost(runs[1], second)
    written = bridged.worker.metric("oppen_mlflow_costs_written_total")
    assert written == 4
    passed = bridged.worker.metric("oppen_mlflow_last_pass_timestamp_seconds")
    bridged.worker.wait("sweeps", lambda: bridged.worker.metric("oppen_mlflow_last_pass_timestamp_seconds") > passed + 21)
    assert bridged.worker.metric("oppen_mlflow_costs_written_total") == written, "what stands there is not written again"
    assert all(len(bridged.mlflow.history(run_id, COST)) == 1 for run_id in (outside, plain, *runs))


def test_a_correction_is_written_too(bridged, console):
    """An end that comes late takes back what was charged beyond it: MLflow's latest value is the smaller one, and both are in its history."""
    console.start()
    bridged.worker.start()
    run_id = bridged.finished(tags=of_attempt("corrected", 1))
    begin = time.time() - 600
    ended(bridged.bus, "corrected", 1, 3, "job.succeeded", begin, begin + 300)
    [before] = bridged.wait_charged(("corrected", 1))
    bridged.wait_cost(run_id, before)
    ended(bridged.bus, "corrected", 1, 2, "job.requeued", begin, begin + 200)
    bridged.bus.wait_for("a correction", lambda: bridged.charged()["corrected", 1][0] < before)
    [after] = bridged.wait_charged(("corrected", 1))
    _, metrics = bridged.wait_cost(run_id, after)
    assert metrics[COST] == after / 1e6
    assert bridged.mlflow.history(run_id, COST) == [before / 1e6, after / 1e6]


def test_killed_in_the_middle_and_mlflow_away(bridged, console):
    """Many runs wait for their cost, since there is no console. One is deleted. Then the bridge is killed again and again while it writes,
    and MLflow stopped and started: each of the others has its cost in the end, as one point."""
    bridged.worker.start()
    runs = [bridged.finished(start_time=now_ms() - 1000 * (number + 60)) for number in range(90)]
    costs = dict(zip(runs, bridged.wait_charged(*runs), strict=True))
    bridged.worker.wait("the console is missed", lambda: "console" in bridged.worker.readyz()[1].get("console", ""))
    assert bridged.worker.get("/healthz")[0] == 200 and bridged.worker.metric("oppen_mlflow_costs_written_total") == 0
    deleted = runs.pop(30)
    bridged.mlflow.post("runs/delete", run_id=deleted)

    def written():
        return sum("oppen.cost_microusd" in bridged.mlflow.run(run_id)[0] for run_id in runs)

    console.start()
    kills = 0
    while written() < len(runs):
        if not bridged.worker.runs():
            bridged.worker.start()
        bridged.worker.wait("it writes", lambda: (bridged.worker.metric("oppen_mlflow_costs_written_total") or 0) >= 3 or written() == len(runs))
        bridged.worker.kill()
        kills += 1
    assert kills >= 2, "all but the last were in the middle"
    bridged.worker.start()
    late = [bridged.finished() for _ in range(3)]
    costs.update(zip(late, bridged.wait_charged(*late), strict=True))
    bridged.mlflow.stop()
    try:
        bridged.worker.wait("MLflow is missed", lambda: "MLflow" in bridged.worker.readyz()[1].get("mlflow", ""))
        assert bridged.worker.get("/healthz")[0] == 200
    finally:
        bridged.mlflow.start()
    for run_id in (*runs, *late):
        bridged.wait_cost(run_id, costs[run_id], deadline=120)
        assert bridged.mlflow.history(run_id, COST) == [costs[run_id] / 1e6]
    assert "oppen.cost_microusd" not in bridged.mlflow.run(deleted)[0]
    bridged.worker.wait_ready()
    with open(f"/proc/{bridged.worker.pid}/status") as status:
        assert int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024 < MEMORY


def test_a_user_that_may_only_read(bridged, console):
    """Its runs are told of all the same; the log names the right that is missing. Given it, the costs are written."""
    console.start()
    bridged.mlflow.add_user("reader", "reads and reads")
    worker = bridged.worker = bridged.another(MLFLOW_TRACKING_USERNAME="reader", MLFLOW_TRACKING_PASSWORD="reads and reads")
    worker.start()
    run_id = bridged.finished()
    [microusd] = bridged.wait_charged(run_id)
    worker.wait("a refusal", lambda: worker.metric("oppen_mlflow_costs_refused_total") == 1)
    [line] = [line for line in worker.tail(20_000).splitlines() if run_id in line]
    assert "EDIT" in line
    worker.wait_ready()
    bridged.mlflow.grant("reader", bridged.experiment, "EDIT")
    bridged.wait_cost(run_id, microusd)
    assert worker.metric("oppen_mlflow_costs_refused_total") == 1
