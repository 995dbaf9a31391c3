"""The MLflow bridge between a real MLflow server and a real Kafka: each run that has ended is told once, whatever is killed or away."""

import collections
import os
import random
import re
import subprocess

import pytest
from harness.bus import Bus
from harness.mlflow import PASSWORD, TOKEN, Mlflow, now_ms
from harness.stack import ROOT, Stack
from harness.waiting import PATIENCE
from harness.worker import Worker, program

NAME = "oppen-mlflow"
MEMORY = 50  # MB


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("mlflow") / "stack", services="kafka")
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    """One for all, since it takes its time to start."""
    made = Mlflow(tmp_path_factory.mktemp("mlflow-server"))
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def bus(stack):
    made = Bus(stack)
    yield made
    made.close()


class Watched:
    """One experiment, the bridge that tells of it alone, and what has been told of its runs."""

    def __init__(self, stack, mlflow, bus, folder, name):
        self.stack, self.mlflow, self.bus, self.name = stack, mlflow, bus, name
        self.experiment_id = mlflow.experiment(name)
        self.runs = []
        self.settings = {
            "MLFLOW_TRACKING_URI": mlflow.uri,
            "OPPEN_MLFLOW_EXPERIMENTS": name,
            "OPPEN_MLFLOW_POLL_INTERVAL": "1",
            "OPPEN_CONSOLE_URL": "none",  # writing what runs have cost is for test_mlflow_costs.py
            **mlflow.credentials,
        }
        self.folder = folder
        self.worker = self.another("bridge")

    def another(self, label, **settings):
        return Worker(self.stack, NAME, None, self.folder, label=label, settings={**self.settings, **settings})

    def once(self, *arguments, **settings):
        """(exit code, standard error) of a bridge that looks once."""
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OPPEN_", "MLFLOW_"))},
            **self.stack.env,
            **self.settings,
            **settings,
        }
        env = {key: value for key, value in env.items() if value is not None}
        done = subprocess.run(
            [program(NAME), "--once", *arguments], env=env, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stderr

    def begin(self, **fields):
        self.runs.append(self.mlflow.begin(self.experiment_id, **fields))
        return self.runs[-1]

    def finished(self, **fields):
        run_id = self.begin(**fields)
        self.mlflow.end(run_id)
        return run_id

    def records(self, kind):
        return [record for record in self.bus.records("oppen.runs") if record.type == kind and record.data["run_id"] in self.runs]

    def told(self):
        """How often each run that has ended was told."""
        return collections.Counter(record.data["run_id"] for record in self.records("run.completed"))

    def said(self):
        """What was told of each run that has ended, with what is the same counted once; once all that is on the bus has been read."""
        self.bus.caught_up()
        by_run = collections.defaultdict(set)
        for record in self.records("run.completed"):
            by_run[record.data["run_id"]].add((record.id, record.key, record.value, record.time))
        return by_run

    def wait_told(self, *run_ids, deadline=PATIENCE):
        def what():
            return f"run.completed of {set(run_ids) - set(self.told())}\n{self.worker.tail()}"

        self.bus.wait_for(what, lambda: set(run_ids) <= set(self.told()), deadline)

    def settled(self):
        """How often each was told, once all that is on the bus has been read."""
        self.bus.caught_up()
        return self.told()


@pytest.fixture
def watched(request, stack, mlflow, bus, tmp_path):
    made = Watched(stack, mlflow, bus, tmp_path, request.node.name)
    yield made
    if made.worker.runs():
        assert made.worker.stop() == 0, made.worker.tail()


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


def test_every_page_of_the_chosen_experiments(watched):
    """Runs that end in one moment, over several pages, with the next page's edge anywhere; the other experiment's are left alone."""
    ended = now_ms()
    for _ in range(8):
        watched.mlflow.end(watched.begin(), end_time=ended)
    other = watched.mlflow.begin(watched.mlflow.experiment(f"not {watched.name}"))
    watched.mlflow.end(other)
    for size in (3, 8, 1, 100):
        code, errors = watched.once("--page-size", str(size))
        assert code == 0, errors
    assert watched.settled() == dict.fromkeys(watched.runs, 1)
    assert other not in {record.key for record in watched.bus.records("oppen.runs")}


def test_all_experiments_and_what_an_event_says(watched):
    """Without a choice every experiment is told of. Key, partition, id and data are those of the contract."""
    run_id = watched.begin(
        params={"model": "bert", "epochs": "3", "batch_size": "16", "precision": "fp16"},
        tags={"team": "vision", "project": "search", "gpu_type": "A100", "gpus": "2", "spot": "true", "priority": "urgent"},
        start_time=now_ms() - 90_000,
    )
    watched.mlflow.log(run_id, metrics={"val_accuracy": 0.93, "latency_p99_ms": 12.5, "loss": "NaN", "unmapped": 1})
    watched.mlflow.end(run_id)
    code, errors = watched.once(OPPEN_MLFLOW_EXPERIMENTS=None)
    assert code == 0, errors
    watched.wait_told(run_id)
    [record] = watched.records("run.completed")
    assert (record.key, record.id, record.headers["ce_source"]) == (run_id, f"{run_id}/completed", b"/oppen/mlflow")
    data = record.data
    assert 89 < data.pop("duration_seconds") < 89 + PATIENCE and data.pop("started_at") < data.pop("ended_at")
    assert data == {
        "run_id": run_id,
        "model_type": "bert",
        "workload_type": "training",
        "status": "succeeded",
        "epochs": 3,
        "batch_size": 16,
        "precision": "fp16",
        "gpu_type": "A100",
        "gpus": 2,
        "metrics": {"accuracy": 0.93, "latency_p99_ms": 12.5},
        "priority": "urgent",
        "spot": True,
        "team": "vision",
        "project": "search",
    }


TRAINING = """
import os
import mlflow
{tags}
mlflow.set_experiment(os.environ["EXPERIMENT"])
with mlflow.start_run() as run:
    set_tags()
    mlflow.log_params({"model_type": "mnist", "epochs": 2, "batch_size": 32})
    print(run.info.run_id, flush=True)
    for epoch in (1, 2):
        mlflow.log_metrics({"epoch": epoch, "accuracy": 0.5 * epoch, "epoch_seconds": 1.5})
        print(epoch, flush=True)
        input()
"""


def documented(fence, containing):
    """The block of docs/mlflow.md with that text."""
    blocks = re.findall(rf"```{fence}\n(.*?)```", (ROOT / "docs" / "mlflow.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if containing in block]
    return block


def test_a_job_that_trains(watched):
    """A training of ours, with MLflow's own client and the tags as the documentation sets them: progress while it runs, then its end,
    all under the job's key."""
    watched.worker.start()
    tags = "def set_tags():\n" + "".join(f"    {line}\n" for line in documented("python", "oppen.attempt").splitlines())
    training = subprocess.Popen(
        [watched.mlflow.venv / "bin" / "python", "-c", TRAINING.replace("{tags}", tags)],
        env={
            **os.environ,
            **watched.mlflow.credentials,
            "MLFLOW_TRACKING_URI": watched.mlflow.uri,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "EXPERIMENT": watched.name,
            "OPPEN_JOB_ID": "a-job",
            "OPPEN_ATTEMPT": "2",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        run_id = training.stdout.readline().strip()
        watched.runs.append(run_id)
        for epoch in (1, 2):
            assert training.stdout.readline() == f"{epoch}\n"
            watched.bus.wait_for(
                lambda: f"progress: {[record.data for record in watched.records('run.progress')]}\n{watched.worker.tail()}",
                lambda: any(record.data["epoch"] == epoch for record in watched.records("run.progress")),
            )
            training.stdin.write("\n")
            training.stdin.flush()
        assert training.wait(60) == 0
    finally:
        training.kill()
        training.wait()
    watched.wait_told(run_id)
    assert watched.settled() == {run_id: 1}
    progress = watched.records("run.progress")
    assert len({record.id for record in progress}) == len(progress), "told twice"
    last, [end] = progress[-1].data, watched.records("run.completed")
    assert (last["job_id"], last["attempt"], last["epochs"], last["epoch_seconds"]) == ("a-job", 2, 2, 1.5)
    assert last["metrics"] == {"accuracy": 1.0}
    assert (end.data["job_id"], end.data["attempt"], end.data["metrics"]) == ("a-job", 2, {"accuracy": 1.0})
    assert {record.key for record in (*progress, end)} == {"a-job"}
    assert len({record.partition for record in (*progress, end)}) == 1


def test_once_whenever_it_is_killed(watched):
    """Runs end one after another while the bridge is killed at random moments and started again: each is told, as one event. That may be
    on the topic twice, for what a killed bridge had handed to the broker may become readable only after its successor has read the topic;
    but where nothing is on its way, the next bridge adds nothing."""
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    left = [watched.begin() for _ in range(24)]
    for run_id in left[:8]:
        watched.mlflow.end(run_id)
    kills = 0
    watched.worker = watched.another("bridge", OPPEN_MLFLOW_PAGE_SIZE="2")
    for run_id in left[8:]:
        if not watched.worker.runs():
            watched.worker.start()
        told = len(watched.told())
        watched.mlflow.end(run_id, status=chance.choice(["FINISHED", "FAILED", "KILLED"]))
        if chance.random() < 0.5:
            if chance.random() < 0.7:  # amid what it publishes, else while it starts
                watched.bus.wait_for(lambda: f"more\n{watched.worker.tail()}", lambda: len(watched.told()) > told)
            watched.worker.kill()
            kills += 1
    if not watched.worker.runs():
        watched.worker.start()
    watched.wait_told(*left)
    assert kills > 0
    assert resident_mb(watched.worker.pid) < MEMORY
    watched.worker.wait_ready()
    assert watched.worker.stop() == 0
    told = watched.settled()
    code, errors = watched.once()
    assert code == 0, errors
    assert watched.settled() == told, f"seed {seed}"
    by_run = watched.said()
    assert by_run.keys() == set(left) and {len(events) for events in by_run.values()} == {1}, f"seed {seed}"


def test_two_bridges_say_the_same(watched):
    """Two at once, say while one is replaced, may both tell of a run: as one and the same event, which counts once."""
    second = watched.another("second")
    try:
        watched.worker.start().wait_ready()
        second.start().wait_ready()
        runs = [watched.finished() for _ in range(5)]
        watched.wait_told(*runs)
    finally:
        second.stop()
    assert watched.worker.stop() == 0
    by_run = watched.said()
    assert by_run.keys() == set(runs) and {len(events) for events in by_run.values()} == {1}


def test_kafka_goes_away(watched):
    """It says so in /readyz; what has ended meanwhile is told once Kafka is back, and only once."""
    watched.worker.start().wait_ready()
    before = watched.finished()
    watched.wait_told(before)
    watched.stack.kill("kafka")
    try:
        meanwhile = [watched.finished() for _ in range(3)]
        watched.worker.wait("Kafka is missed", lambda: watched.worker.readyz()[1].get("kafka", "ok") != "ok", PATIENCE)
        assert watched.worker.get("/healthz")[0] == 200
    finally:
        watched.stack.start("kafka")
    watched.wait_told(*meanwhile, deadline=120)
    watched.worker.wait_ready()
    assert watched.settled() == dict.fromkeys([before, *meanwhile], 1)


def test_mlflow_goes_away(watched):
    """It says so in /readyz, goes on asking, and tells what there is when MLflow is back."""
    run_id = watched.finished()
    watched.mlflow.stop()
    try:
        code, errors = watched.once()
        assert code == 3 and "MLflow" in errors
        watched.worker.start()
        watched.worker.wait("MLflow is missed", lambda: "MLflow" in watched.worker.readyz()[1].get("mlflow", ""), PATIENCE)
        assert watched.worker.readyz()[1]["kafka"] == "ok" and watched.worker.get("/healthz")[0] == 200
    finally:
        watched.mlflow.start()
    watched.wait_told(run_id, deadline=120)
    watched.worker.wait_ready()
    assert watched.settled() == {run_id: 1}


def test_what_cannot_be_told(watched):
    """A run that lacks a field, or has it malformed, stops no other; the log names run, field and value, and it is counted. Mended, it
    is told."""
    good = {"model_type": "mnist", "epochs": 1, "batch_size": 1}
    bad = {
        watched.finished(params={**good, "epochs": "many"}): ["epochs", '"many"'],
        watched.finished(params={**good, "batch_size": "-3"}): ["batch_size", '"-3"'],
        watched.finished(params={"epochs": 1, "batch_size": 1}): ["model_type", "missing"],
        watched.finished(params=good, tags={"team": "R&D"}): ["team", '"R&D"'],
        watched.finished(params=good, tags={"oppen.job_id": "a-job"}): ["attempt", "missing"],
    }
    endless = watched.begin(params=good)
    watched.mlflow.post("runs/update", run_id=endless, status="FINISHED")  # by a client that tells no end
    bad[endless] = ["end_time", "missing"]
    told = watched.finished(params=good)
    watched.worker.start()
    watched.wait_told(told)
    watched.worker.wait(
        f"{len(bad)} skipped runs", lambda: watched.worker.metric("oppen_mlflow_runs_skipped_total") == len(bad), PATIENCE
    )
    lines = watched.worker.tail(20_000).splitlines()
    for run_id, words in bad.items():
        [line] = [line for line in lines if run_id in line]
        assert all(word in line for word in words), line
    mended = next(run_id for run_id, words in bad.items() if "team" in words)
    watched.mlflow.log(mended, tags={"team": "research"})
    watched.wait_told(mended)
    assert watched.settled() == {told: 1, mended: 1}
    assert watched.worker.metric("oppen_mlflow_runs_skipped_total") == len(bad)


def test_a_mapping_of_ones_own(watched, tmp_path):
    """Other names for what there is, and values for what there is not."""
    file = tmp_path / "mapping.json"
    file.write_text(documented("json", "n_epochs"))
    run_id = watched.finished(params={"arch": "resnet50", "n_epochs": "90"})
    watched.mlflow.log(run_id, metrics={"top1": 0.76})
    code, errors = watched.once("--mapping", str(file))
    assert code == 0, errors
    watched.wait_told(run_id)
    [record] = watched.records("run.completed")
    data = record.data
    assert (data["model_type"], data["epochs"], data["batch_size"], data["metrics"]) == ("resnet50", 90, 256, {"accuracy": 0.76})


def test_credentials(watched, tmp_path):
    """A bearer token and a name with a password are taken; with none or a wrong one /readyz and the exit code say what to do. No
    secret is in the log."""
    run_id = watched.finished()
    none = dict.fromkeys(watched.mlflow.credentials)
    code, errors = watched.once(**none)
    assert code == 3 and "401" in errors and "MLFLOW_TRACKING_TOKEN" in errors
    code, errors = watched.once(**none, MLFLOW_TRACKING_TOKEN="wrong")
    assert code == 3 and "401" in errors
    code, errors = watched.once(MLFLOW_TRACKING_TOKEN=TOKEN)
    assert code == 2 and "several ways" in errors
    token = tmp_path / "token"
    token.write_text("wrong\n")
    worker = watched.worker = watched.another(
        "bridge", MLFLOW_TRACKING_USERNAME="", MLFLOW_TRACKING_PASSWORD="", OPPEN_MLFLOW_TOKEN_FILE=str(token)
    )
    worker.start()
    worker.wait("a refusal", lambda: "401" in worker.readyz()[1].get("mlflow", ""), PATIENCE)
    token.write_text(TOKEN + "\n")  # the Secret is replaced
    watched.wait_told(run_id)
    worker.wait_ready()
    code, errors = watched.once()
    assert code == 0, errors
    assert watched.settled() == {run_id: 1}
    written = worker.tail(50_000) + errors
    assert "settings: " in written  # with what begins the log
    assert TOKEN not in written and PASSWORD not in written


@pytest.mark.parametrize(
    ("arguments", "settings", "named"),
    [
        ((), {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}, ["MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"]),
        ((), {"MLFLOW_TRACKING_PASSWORD": None}, ["MLFLOW_TRACKING_PASSWORD"]),
        (("--mapping", "/no/such/file"), {}, ["/no/such/file"]),
        (("--page-size", "0"), {}, ["--page-size", "0"]),
        ((), {"OPPEN_CONSOLE_URL": "console"}, ["OPPEN_CONSOLE_URL", "console"]),
        (("--lookback", "30"), {}, ["--lookback", "30", "29"]),
    ],
)
def test_settings_that_are_wrong(watched, arguments, settings, named):
    code, errors = watched.once(*arguments, **settings)
    assert code == 2 and all(word in errors for word in named), errors
