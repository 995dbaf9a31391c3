"""The installed C++ client: the examples of docs/examples/cpp, built against it as a user would, submit to the real thing, report and
wait; and a program that works with it while Kafka is killed loses nothing that was acknowledged, keeps order and waits on."""

import collections
import os
import pathlib
import shlex
import subprocess

import pytest
from harness.stack import ROOT
from harness.waiting import PATIENCE, wait_until
from harness.worker import program
from oppen import Client, check, events

EXAMPLE = ROOT / "docs" / "examples" / "cpp"
AT_WORK = pathlib.Path(__file__).parent / "client_at_work"
ROOM = 500  # records


def run(*arguments, **environment):
    command = [str(argument) for argument in arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    build = pathlib.Path(program("oppen")).parent.parent
    folder = tmp_path_factory.mktemp("installed")
    code, _, told = run("cmake", "--install", build, "--component", "client", "--prefix", folder)
    assert code == 0, told
    return folder


def by_cmake(installed, folder, source=EXAMPLE):
    """find_package(oppen)"""
    code, _, told = run("cmake", "-S", source, "-B", folder, f"-DCMAKE_PREFIX_PATH={installed}")
    assert code == 0, told
    code, _, told = run("cmake", "--build", folder)
    assert code == 0, told


def by_pkg_config(installed, folder):
    """pkg-config oppen"""
    code, flags, told = run("pkg-config", "--cflags", "--libs", "oppen", PKG_CONFIG_PATH=str(installed / "lib" / "pkgconfig"))
    assert code == 0, told
    options = ["-std=c++20", "-Wall", "-Wextra", "-Werror", *shlex.split(flags)]
    code, _, told = run("c++", EXAMPLE / "submit.cpp", *options, "-o", folder / "submit")
    assert code == 0, told


@pytest.mark.parametrize("built", [by_cmake, by_pkg_config])
def test_the_example_is_built_against_it_and_runs_a_job(world, installed, tmp_path, built):
    built(installed, tmp_path)
    brokers = world.stack.env["OPPEN_KAFKA_BROKERS"]
    code, out, told = run(tmp_path / "submit", OPPEN_KAFKA_BROKERS=brokers)
    assert (code, out.split()[2]) == (0, "succeeded"), told
    job_id = out.split()[1]
    assert world.bus.wait_event(job_id, "succeeded")["epochs"] == 2
    code, _, told = run(tmp_path / "submit", "no model", OPPEN_KAFKA_BROKERS=brokers)
    assert code == 2 and 'model_type is "no model"' in told


def test_what_the_example_reports_is_read_from_python(world, installed, tmp_path):
    """Progress and completion by the asynchronous calls: valid by the package's schemas, where the package would put them, in order."""
    by_cmake(installed, tmp_path)
    job_id = f"cpp-reports-{os.urandom(3).hex()}"
    brokers = world.stack.env["OPPEN_KAFKA_BROKERS"]
    code, out, told = run(tmp_path / "report", "5", OPPEN_KAFKA_BROKERS=brokers, OPPEN_JOB_ID=job_id, OPPEN_ATTEMPT="2")
    assert (code, out) == (0, f"reported {job_id}-2\n"), told
    with Client(brokers) as client:
        client.report_progress({"job_id": job_id, "attempt": 2, "epoch": 6, "epochs": 5})
    world.bus.caught_up()
    records = [record for record in world.bus.records("oppen.runs") if record.key == job_id]
    assert [record.data.get("epoch") for record in records] == [1, 2, 3, 4, 5, None, 6]
    assert {record.partition for record in records} == {events.partition_of(job_id, 12)}
    assert len({record.id for record in records}) == len(records)
    for record in records:
        assert check.faults(f"{record.type}.v1", record.data) == []
    code, _, told = run(tmp_path / "report", OPPEN_KAFKA_BROKERS=brokers, OPPEN_JOB_ID=job_id, OPPEN_ATTEMPT="0")
    assert code == 1 and "attempt is 0: expected" in told


@pytest.fixture(scope="module")
def at_work(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("at-work")
    by_cmake(installed, folder, AT_WORK)
    return folder / "client_at_work"


class Reporter:
    """client_at_work, reporting."""

    def __init__(self, at_work, world, prefix, properties):
        environment = {**os.environ, "OPPEN_KAFKA_BROKERS": world.stack.env["OPPEN_KAFKA_BROKERS"], "OPPEN_KAFKA_PROPERTIES": properties}
        self._process = subprocess.Popen(
            [at_work, "report", prefix], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def told(self):
        """How many are on their way, acknowledged, and given up."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        handed, kept, lost = (int(count) for count in self._process.stdout.readline().split())
        return handed - kept - lost, kept, lost

    def end(self):
        """What became of each: "kept", "lost" or "full" -> job -> epochs."""
        out, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0
        fates = collections.defaultdict(lambda: collections.defaultdict(list))
        for line in out.splitlines():
            fate, job, epoch = line.split()
            fates[fate][job].append(int(epoch))
        return fates

    def kill(self):
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize(
    ("properties", "gives_up"),
    [(f"queue.buffering.max.messages={ROOM}", False), ("message.timeout.ms=2000", True)],
    ids=["waits for room", "gives records up"],
)
def test_nothing_acknowledged_is_lost(rough_world, at_work, properties, gives_up):
    """Kafka is killed in the middle of reports by several threads and started again. Each that was acknowledged is there, once, each
    job's in their order. What is not is told of; where there is only no room, the caller waits and nothing is given up."""
    world = rough_world
    prefix = f"cpp-lost-{os.urandom(3).hex()}"
    jobs = [f"{prefix}-{thread}" for thread in range(4)]
    reporter = Reporter(at_work, world, prefix, properties)
    try:
        wait_until("reports before", lambda: reporter.told()[1] > 1000)
        world.stack.kill("kafka")
        try:
            if gives_up:
                wait_until("reports that are given up", lambda: reporter.told()[2] > 0)
            else:
                wait_until("a full queue", lambda: reporter.told()[0] >= ROOM)
        finally:
            world.stack.start("kafka")
        before = reporter.told()[1]
        wait_until("reports after", lambda: reporter.told()[1] > before + 1000)
        fates = reporter.end()
    finally:
        reporter.kill()
    world.bus.caught_up()
    there = collections.defaultdict(list)
    for record in world.bus.records("oppen.runs"):
        if record.key in jobs:
            there[record.key].append((record.partition, record.offset, record.data["epoch"]))
    assert sorted(there) == jobs and not fates["full"]
    assert bool(fates["lost"]) == gives_up
    for job in jobs:
        epochs = [epoch for _, _, epoch in sorted(there[job])]
        assert len({partition for partition, _, _ in there[job]}) == 1
        assert epochs == sorted(set(epochs)), "twice, or out of order"
        kept, lost = fates["kept"][job], fates["lost"][job]
        assert set(kept) <= set(epochs) <= {*kept, *lost}
        assert sorted(kept + lost) == list(range(len(kept) + len(lost))), "each is told of once"


def test_wait_goes_on_when_kafka_comes_back(rough_world, at_work):
    """Of many at once: what ended before Kafka was killed, what ends after it."""
    world = rough_world
    prefix = f"cpp-wait-{os.urandom(3).hex()}"
    specs = [
        {"job_id": f"{prefix}-{name}", "model_type": "mnist", "resources": {"gpus": 0}, "env": {"SIMULATED_DURATION": duration}}
        for name, duration in (("before", "1s"), ("after", "600s"))
    ]
    early, late = (spec["job_id"] for spec in specs)
    world.bus.submit(*specs)
    world.bus.wait_ended([early])
    world.bus.wait_event(late, "started")
    environment = {**os.environ, "OPPEN_KAFKA_BROKERS": world.stack.env["OPPEN_KAFKA_BROKERS"]}
    waiting = subprocess.Popen([at_work, "wait", early, late], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        world.stack.kill("kafka")
        try:
            world.scheduler.wait("/readyz names kafka", lambda: world.scheduler.readyz()[1].get("kafka", "ok") != "ok")
            assert waiting.poll() is None, "it does not give up while Kafka is away"
        finally:
            world.stack.start("kafka")
        world.scheduler.wait_ready()
        world.bus.produce_all([world.bus.command("job.cancel", {"job_id": late}, late)])
        out, _ = waiting.communicate(timeout=2 * PATIENCE)
    finally:
        waiting.kill()
        waiting.communicate()
    assert (waiting.returncode, sorted(out.splitlines())) == (0, sorted([f"{early} succeeded", f"{late} cancelled"]))
