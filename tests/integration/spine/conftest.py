"""The fixtures of the tests of the whole way: submit, queue, launch, run, end, on real Kafka, Redis and Kubernetes."""

import dataclasses
import os
import pathlib
import sys

import pytest
from harness.bus import Bus
from harness.jobs import Jobs
from harness.kube import Kube
from harness.policies import Policies
from harness.stack import ROOT, Stack
from harness.worker import Worker

sys.path.insert(0, str(ROOT / "producers" / "python"))  # the package oppen, as it is here


@dataclasses.dataclass
class World:
    """A stack, a scheduler that leads on it, and the eyes of an outsider."""

    stack: Stack
    scheduler: Worker
    bus: Bus
    kube: Kube
    logs: pathlib.Path

    def another_scheduler(self, label):
        return Worker(self.stack, "oppen-scheduler", "KUBECONFIG_SCHEDULER", self.logs, label=label)


def make_world(folder):
    stack = Stack(folder / "stack")
    try:
        stack.up()
        listen = stack.env["OPPEN_SCHEDULER_URL"].removeprefix("http://")
        scheduler = Worker(stack, "oppen-scheduler", "KUBECONFIG_SCHEDULER", folder, listen=listen)
        scheduler.start()
        bus = Bus(stack)
        yield World(stack, scheduler.wait_ready(), bus, Kube(stack), folder)
        bus.close()
        if scheduler.runs():
            assert scheduler.stop() == 0, scheduler.tail()
    finally:
        stack.down()


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Nobody disturbs this one."""
    yield from make_world(tmp_path_factory.mktemp("calm"))


@pytest.fixture(scope="module")
def console(world):
    """The calm world's."""
    listen = world.stack.env["OPPEN_CONSOLE_URL"].removeprefix("http://")
    worker = Worker(world.stack, "oppen-console", "KUBECONFIG_CONSOLE", world.logs, listen=listen).start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


@pytest.fixture(scope="session")
def rough_world(tmp_path_factory):
    """One whose services and scheduler tests stop and start."""
    yield from make_world(tmp_path_factory.mktemp("rough"))


@pytest.fixture(scope="module")
def fresh_world(tmp_path_factory):
    """One in whose logs nothing stands before the module begins."""
    yield from make_world(tmp_path_factory.mktemp("fresh"))


@pytest.fixture
def bus(world):
    return world.bus


@pytest.fixture
def kube(world):
    return world.kube


@pytest.fixture
def scheduler(world):
    return world.scheduler


@pytest.fixture
def policies(world):
    changed = Policies(world.kube, world.bus)
    yield changed
    changed.reset()


@pytest.fixture
def window(kube, bus):
    """Sets the off-peak window, and puts it back."""
    before = kube.get("configmaps/cost-model")["data"]["off_peak_window"]

    def put(value):
        kube.patch("configmaps/cost-model", {"data": {"off_peak_window": value}})
        bus.wait_for(
            f"the window {value}",
            lambda: [r for r in bus.records("oppen.control") if r.type == "policy.changed"][-1].data["cost_model"]["off_peak_window"]
            == value,
        )

    yield put
    put(before)


@pytest.fixture
def one_price(window):
    """Without an off-peak window: what a job costs is the same at every hour."""
    window("00:00-00:00 UTC")


@pytest.fixture
def jobs(request, world):
    mine = Jobs(request.node.originalname.removeprefix("test_"), world.bus)
    yield mine
    mine.clear()


def pytest_configure(config):
    if not os.environ.get("OPPEN_BIN"):
        raise pytest.UsageError("OPPEN_BIN must name the folder of the built programs")
