"""The dashboard says what the other questions say, to the micro-dollar, and of a part that is away that it is; and the REPL, by a pipe
and by a terminal."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import termios
import time

import jsonschema
import pytest
import yaml
from harness.waiting import PATIENCE, wait_until
from harness.worker import Worker, program
from test_telemetry import start_agent

DONE, _, BAD_INPUT, UNREACHABLE, _ = range(5)
GPU = {"gpus": 1, "cpu": "100m", "memory": "64Mi"}
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@pytest.fixture(scope="module")
def cost(world):
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-dashboard").start()
    yield worker.wait_ready()
    worker.stop()


@pytest.fixture(scope="module")
def agent(world, tmp_path_factory):
    worker = start_agent(world, tmp_path_factory.mktemp("buffer"), "telemetry-dashboard").wait_ready()
    yield worker
    assert worker.stop() == 0, worker.tail()


def start_console(world, label, **workers):
    listen = world.stack.env["OPPEN_CONSOLE_URL"].removeprefix("http://")
    urls = ",".join(f"{name}=http://{worker.listen}" for name, worker in workers.items())
    settings = {"OPPEN_WORKER_URLS": urls}
    return Worker(world.stack, "oppen-console", "KUBECONFIG_CONSOLE", world.logs, listen=listen, label=label, settings=settings).start()


@pytest.fixture(scope="module")
def console(world, cost, agent):
    worker = start_console(world, "console-dashboard", cost=cost, telemetry=agent)
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


def run(world, *arguments, stdin="", **environment):
    done = subprocess.run(
        [program("oppen"), *arguments],
        input=stdin,
        env={**os.environ, **world.stack.env, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    done.data = json.loads(done.stdout) if "json" in arguments and done.stdout else None
    return done


def dashboard(world, *more):
    done = run(world, "dashboard", "-o", "json", *more)
    assert done.returncode == DONE, done.stderr
    return done.data


def parts(world):
    return {part["name"]: part for part in dashboard(world)["health"]["parts"]}


def test_same_figures(world, console, cost, agent, bus, jobs, policies):
    """As status, list, report, the cost worker's metrics and the cluster itself have them."""
    policies.set(max_concurrent_jobs=1)
    runs = jobs.spec("runs", seconds=600, model_type="resnet50", resources=GPU, team="vision")
    bus.submit(runs)
    bus.wait_event(runs["job_id"], "started")
    waits = [jobs.spec(name, team="vision") for name in ("first", "second")]
    bus.submit(*waits)
    bus.wait_queued([job["job_id"] for job in waits])

    def the_pod():
        [pod] = dashboard(world)["pods"]["pods"]
        return pod if "gpu_utilization_percent" in pod and pod.get("spent_microusd", 0) > 0 else None

    pod = bus.wait_for("the pod was measured and charged", the_pod)
    assert (pod["job_id"], pod["pod"], pod["state"]) == (runs["job_id"], runs["job_id"] + "-1", "running")
    # The cost worker tells the same to Prometheus.
    told = [line.split()[1] for line in cost.get("/metrics")[1].splitlines() if line.startswith("pod_hourly_cost_usd{") and pod["pod"] in line]
    whole = dashboard(world)
    assert [round(float(usd) * 1_000_000) for usd in told] == [pod["hourly_microusd"]] == [whole["costs"]["hourly_microusd"]]

    status = run(world, "status", "-o", "json").data
    for field in ("queued", "running", "slots", "completed", "failed", "cancelled", "pending_cost_microusd", "usage", "leader"):
        assert whole["queue"][field] == status[field], field
    assert [job["job_id"] for job in whole["queue"]["jobs"]] == [job["job_id"] for job in waits]
    assert whole["costs"]["pending_microusd"] == status["pending_cost_microusd"] > 0
    live = run(world, "list", "--state", "live", "-o", "json").data["jobs"]
    assert [job["job_id"] for job in live] == [pod["job_id"] for pod in whole["pods"]["pods"]]

    def same_sums():
        """What is charged goes on growing: between two reports that agree, the dashboard must agree with both."""
        def asked():
            teams = run(world, "report", "--by", "team", "-o", "json").data
            today = time.strftime("%Y-%m-%d", time.gmtime())
            day = run(world, "report", "--from", today, "--to", today, "--by", "run", "-o", "json").data["total"]
            groups = sorted((group["key"], group["total_microusd"]) for group in teams["groups"])
            return teams["total"]["total_microusd"], day["total_microusd"], day["runs"], groups

        before, costs, after = asked(), dashboard(world)["costs"], asked()
        month, today = costs["month"], costs["today"]
        by_team = sorted((group["key"], group["total_microusd"]) for group in month["by_team"])
        ours = (month["total_microusd"], today["total_microusd"], today["runs"], by_team)
        return ours == before == after

    bus.wait_for("the sums of the reports", same_sums)

    nodes = json.loads(
        subprocess.run(
            [world.stack.env["KUBECTL"], "--kubeconfig", world.stack.env["KUBECONFIG"], "get", "nodes", "-o", "json"],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout
    )["items"]
    cluster = whole["cluster"]
    assert cluster["node_count"] == len(nodes)
    assert cluster["known"]["gpus"] == sum(int(node["status"]["allocatable"].get("nvidia.com/gpu", 0)) for node in nodes)
    assert cluster["in_use"]["gpus"] == status["usage"]["gpus"] == 1
    assert [node["pods"] for node in cluster["nodes"]][:2] == [1, 0] and cluster["nodes"][0]["node"] == pod["node"]

    health = {part["name"]: part for part in whole["health"]["parts"]}
    assert {"console", "redis", "kubernetes", "scheduler", "kafka", "leader", "cost", "telemetry"} <= health.keys()
    assert all(part["ok"] for part in health.values()), health
    assert all(isinstance(health[name]["lag"], int) for name in ("scheduler", "cost"))

    document = yaml.safe_load(console.get("/api/v1/openapi.yaml")[1])
    for path, schema in (("dashboard", "Dashboard"), ("rates", "Rates"), ("health", "Health")):
        answer = json.loads(console.get(f"/api/v1/{path}")[1])
        jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]}).validate(answer)

    for columns in (60, 80, 120):
        text = run(world, "dashboard", COLUMNS=str(columns)).stdout
        assert "\x1b" not in text and pod["pod"] in text and "HEALTH  every part works" in text
        assert "Ki" not in text, text
        assert max(len(line) for line in text.splitlines()) <= columns, text

    def same_alerts():
        """Other tests' alerts may come and go: between two answers that agree, the dashboard must agree with both."""
        def asked():
            return [alert["severity"] for alert in run(world, "alerts", "list", "-o", "json").data["alerts"]]

        before, text, after = asked(), run(world, "dashboard", COLUMNS="120").stdout, asked()
        counts = [f"{before.count(name)} {name}" for name in ("critical", "warning", "info") if name in before]
        return before == after and "ALERTS  " + (", ".join(counts) or "nothing fires") in text

    wait_until("the alerts of oppen alerts", same_alerts)


def test_a_worker_that_is_away_is_said(world, console, cost, bus):
    assert cost.stop() == 0, cost.tail()
    try:
        away = bus.wait_for("the dashboard says it", lambda: (part := parts(world)["cost"]) and not part["ok"] and part)
        assert "OPPEN_WORKER_URLS" in away["detail"] and "lag" not in away
        text = run(world, "dashboard")
        assert text.returncode == DONE and re.search(r"^  cost +DOWN", text.stdout, re.MULTILINE) and "COSTS" in text.stdout
        assert run(world, "health").returncode == UNREACHABLE
    finally:
        cost.start().wait_ready()
    bus.wait_for("the dashboard says that it is back", lambda: parts(world)["cost"]["ok"])


def test_without_redis_the_rest_is_there(rough_world):
    console = start_console(rough_world, "console-rough-dashboard").wait_ready()
    try:
        rough_world.stack.kill("redis")
        shown = rough_world.bus.wait_for("Redis is missed", lambda: (whole := dashboard(rough_world)) and "error" in whole["queue"] and whole)
        assert all("error" in shown[part] for part in ("alerts", "costs", "pods", "queue")), shown
        assert shown["cluster"]["node_count"] > 0
        health = {part["name"]: part["ok"] for part in shown["health"]["parts"]}
        assert not health["redis"] and health["kubernetes"]
        text = run(rough_world, "dashboard").stdout
        assert len(re.findall(r"^  not known ", text, re.MULTILINE)) == 4 and "?/8" in text, text
    finally:
        rough_world.stack.start("redis")
        rough_world.scheduler.wait_ready(120)
        rough_world.bus.wait_for("it is back", lambda: "error" not in dashboard(rough_world)["queue"])
        assert console.stop() == 0, console.tail()


def test_the_repl_by_a_pipe(world, console):
    status = run(world, "status")
    assert run(world, "repl", stdin="status\n").stdout == status.stdout
    several = run(world, "repl", stdin="nonsense\nlist --state nowhere\ndescribe no-such-job\nstatus -o json\n")
    assert several.returncode == 4, "of the last that failed"
    assert json.loads(several.stdout[several.stdout.index("{") :])["slots"] > 0
    assert run(world, "-o", "json", "repl", stdin="status").data["slots"] > 0


class Terminal:
    """A program at the other end of a terminal."""

    def __init__(self, world, state, *arguments):
        self.text = ""
        self._master, slave = pty.openpty()
        environment = {**os.environ, **world.stack.env, "XDG_STATE_HOME": str(state), "HOME": str(state), "TERM": "xterm", "COLUMNS": "80"}
        self.process = subprocess.Popen(
            [program("oppen"), *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
            preexec_fn=take_terminal,
        )  # fmt: skip
        os.close(slave)

    def type(self, text):
        os.write(self._master, text.encode())

    def read(self):
        while select.select([self._master], [], [], 0.05)[0]:
            try:
                self.text += os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # nobody is at the other end any more
                return

    def wait_for(self, text, count=1):
        """Until it has been written so often since the last call; what came before is forgotten."""

        def is_there():
            self.read()
            return CODES.sub("", self.text).count(text) >= count

        wait_until(repr(text), is_there, explain=lambda: repr(self.text[-2000:]))
        seen, self.text = self.text, ""
        return seen

    def leave(self):
        wait_until("the program has ended", lambda: self.read() or self.process.poll() is not None, explain=lambda: repr(self.text))
        self.read()
        return self.process.returncode

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._master)


def take_terminal():
    """Makes the standard input the terminal of the session, from which Ctrl-C comes."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(world, tmp_path):
    opened = []

    def start(*arguments):
        opened.append(Terminal(world, tmp_path, *arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_the_repl_by_a_terminal(world, console, terminal, tmp_path):
    repl = terminal("repl")
    repl.wait_for("oppen> ")
    repl.type("stat\t")  # completed
    repl.wait_for("status ")
    repl.type("\n")
    repl.wait_for("oppen> ")
    repl.type("descr\x03")  # given up
    repl.type("health\n")
    assert "DETAIL" in repl.wait_for("oppen> ")
    repl.type("watch jobs\n")
    wait_until("the command runs", lambda: len(children(repl.process.pid)) == 1)
    # Until it is interrupted, which ends it alone.
    repl.type("\x03")
    repl.wait_for("oppen> ")
    repl.type("nonsense\n")
    repl.wait_for("oppen> ")
    repl.type(" list --state queued\n")  # not kept, by the blank
    repl.wait_for("oppen> ")
    repl.type("\x04")
    assert repl.leave() == BAD_INPUT, "of the last that failed"

    history = tmp_path / "oppen" / "history"
    assert history.stat().st_mode & 0o777 == 0o600
    kept = history.read_text()
    assert "status" in kept and "nonsense" in kept and "list" not in kept
    again = terminal("repl")
    again.wait_for("oppen> ")
    again.type("\x1b[A\x1b[A\x1b[A")  # up to: health
    again.wait_for("health")
    again.type("\x15exit\n")
    assert again.leave() == DONE


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_watching_in_a_terminal(world, console, terminal):
    for key in ("q", "\x03"):
        watch = terminal("dashboard", "--watch", "--every", "1")
        first = watch.wait_for("q leaves", 2)  # drawn anew
        assert "\x1b[?1049h" in first and "HEALTH" in first
        watch.type(key)
        assert watch.leave() == DONE
        assert watch.text.endswith("\x1b[?25h\x1b[?1049l"), "the terminal is as it was"
