"""A real Prometheus, configured as deploy/prometheus has it, looks at every worker: all of them answer in its format, and what it knows of
cost is what the topic says."""

import collections
import json
import re
import time

import pytest
from harness.charges import accounts, charges
from harness.prices import HOUR, Prices
from harness.prometheus import CONFIGURATION, Prometheus, promtool
from harness.stack import ROOT
from harness.worker import Worker, free_port

# What promtool finds fault with in names that the contract has fixed.
KNOWN_FAULTS = {"nvidia_smi_memory_used_mb metric names should not contain abbreviated units"}


@pytest.fixture(scope="module")
def telemetry(world, tmp_path_factory):
    settings = {
        "OPPEN_SIMULATED_NODES": "simulated-a100",
        "OPPEN_REPLAY": str(ROOT / "deploy" / "local" / "telemetry" / "loads.jsonl"),
        "OPPEN_INTERVAL": "1",
        "OPPEN_BUFFER_DIR": str(tmp_path_factory.mktemp("buffer")),
    }
    return Worker(world.stack, "oppen-telemetry", "KUBECONFIG_TELEMETRY", world.logs, label="telemetry-scraped", settings=settings)


@pytest.fixture(scope="module")
def workers(world, console, telemetry):
    """All of them. The MLflow bridge has no MLflow, which it says in /readyz; the page is there all the same."""
    cost = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-scraped")
    settings = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}"}
    bridge = Worker(world.stack, "oppen-mlflow", None, world.logs, label="mlflow-scraped", settings=settings)
    anomaly = Worker(world.stack, "oppen-anomaly", None, world.logs, label="anomaly-scraped")
    started = [cost, bridge, telemetry, anomaly]
    for worker in started:
        worker.start()
    cost.wait_ready()
    telemetry.wait_ready()
    anomaly.wait_ready()
    bridge.wait("it answers", lambda: bridge.get("/metrics")[0] == 200)
    yield {worker.name: worker for worker in (world.scheduler, console, *started)}
    for worker in started:
        if worker.runs():
            assert worker.stop() == 0, worker.tail()


@pytest.fixture(scope="module")
def prometheus(workers, tmp_path_factory):
    made = Prometheus(tmp_path_factory.mktemp("prometheus"), workers.values())
    try:
        yield made.start()
    finally:
        made.stop()


def test_the_configuration_and_the_rules():
    for arguments in (("check", "config", CONFIGURATION / "prometheus.yml"), ("test", "rules", CONFIGURATION / "rules_test.yml")):
        code, said = promtool(*arguments)
        assert code == 0, said
    alerts = set(re.findall(r"alert: (\w+)", (CONFIGURATION / "rules.yml").read_text()))
    tested = set(re.findall(r"alertname: (\w+)", (CONFIGURATION / "rules_test.yml").read_text()))
    assert alerts == tested


def test_the_targets_are_those_of_the_local_stack():
    lines = (ROOT / "deploy" / "local" / "lib" / "ports").read_text().splitlines()
    ports = {process: port for _, port, _, process in (line.split() for line in lines if line and not line.startswith("#"))}
    found = re.findall(r'"127.0.0.1:(\d+)"\], "labels": {"program": "([a-z-]+)"}', (CONFIGURATION / "targets.json").read_text())
    programs = {line.split()[0] for line in (ROOT / "deploy" / "local" / "lib" / "workers").read_text().splitlines() if line.startswith("oppen-")}
    # The notifier runs only where there are routes: a target that is down would be told of.
    assert {program for _, program in found} == programs - {"oppen-notifier"}
    assert all(ports[program] == port for port, program in found)


def test_every_page_is_as_the_format_has_it(workers):
    for name, worker in workers.items():
        status, page = worker.get("/metrics")
        assert status == 200 and page
        code, said = promtool("check", "metrics", stdin=page)
        assert code in (0, 3), f"{name}: {said}"  # 3: faults of style
        assert set(said.splitlines()) <= KNOWN_FAULTS, name


def test_cost_is_what_the_topic_says(prometheus, workers, bus, jobs, policies):
    """Of a running pod its rate and of each pod that ended its cost; by team, project and model what they have been charged."""
    policies.set(max_concurrent_jobs=20)
    team = jobs.id("team")
    resources = {"gpus": 1, "cpu": "1500m", "memory": "1Gi"}
    runs = jobs.spec("runs", seconds=600, team=team, project="digits", priority="urgent", resources=resources)
    others = [jobs.spec(f"other-{number}", seconds=number, team=team, project=("digits", "words")[number % 2]) for number in range(1, 5)]
    bus.submit(runs, *others)
    started = bus.wait_event(runs["job_id"], "started")
    pod = f'{{pod_name="{runs["job_id"]}-1",pod_namespace="ml-training",model="mnist",workload_type="training"}}'
    prices = Prices([record.data for record in bus.records("oppen.control") if record.type == "policy.changed"])

    def hourly_is_right():
        """As of the minute before or the one that begins: the off-peak window may open in between."""
        shown = prometheus.value("pod_hourly_cost_usd" + pod)
        now = int(time.time() * 1000)
        due = [60 * sum(prices.of(started, started.get("gpu_type", ""), at, at + HOUR // 60)) for at in (now - 70_000, now)]
        return shown is not None and any(abs(shown * 1e6 - microusd) <= 90 for microusd in due)  # three parts, each rounded

    prometheus.wait("the pod's rate", hourly_is_right)
    bus.wait_for("a charge while it runs", lambda: accounts(bus, lambda job_id: job_id == runs["job_id"]))
    bus.cancel(job_id=runs["job_id"])
    ids = {spec["job_id"] for spec in (runs, *others)}
    bus.wait_ended(ids)

    def charged():
        found = accounts(bus, lambda job_id: job_id in ids)
        return found if {job_id for job_id, _ in found} == ids and all(one.final for one in found.values()) else None

    attempts = bus.wait_for("everything is charged", charged)
    sums = collections.Counter()
    for data in {record.id: record.data for record in charges(bus) if record.data.get("team") == team}.values():
        sums[data["project"], data["model_type"]] += data["total_microusd"]
    taken_back = any(event.get("correction") for one in attempts.values() for event in one.events)

    def agrees(shown, microusd):
        """A counter does not go down: what was charged too far and taken back stays in it until as much has been charged again."""
        return shown is not None and (shown * 1e6 > microusd - 0.5 if taken_back else abs(shown * 1e6 - microusd) < 0.5)

    for (job_id, attempt), account in attempts.items():
        total = f'pod_cost_usd_total{{pod_name="{job_id}-{attempt}"}}'
        prometheus.wait(f"{total} is {account.total}", lambda: agrees(prometheus.value(total), account.total))  # noqa: B023
    for (project, model), microusd in sums.items():
        total = f'sum by (project, model) (oppen_cost_usd_total{{team="{team}",project="{project}",model="{model}"}})'
        prometheus.wait(f"{total} is {microusd}", lambda: agrees(prometheus.value(total), microusd))  # noqa: B023
    assert sum(sums.values()) == sum(one.total for one in attempts.values()) > 0
    gone = f'pod_hourly_cost_usd{{pod_name="{runs["job_id"]}-1"}}'
    prometheus.wait("an ended pod costs nothing an hour", lambda: prometheus.value(gone) is None)


def test_every_worker_is_scraped_and_the_rules_hold(prometheus, workers, bus, jobs):
    """What the dashboard asks can be answered, and every name in it and in the rules is one that a worker serves; a worker that stops is
    missed."""
    prometheus.wait("all answer", lambda: {labels["program"]: value for labels, value in prometheus.query("up")} == dict.fromkeys(workers, 1))
    panels = json.loads((ROOT / "deploy" / "grafana" / "cost.json").read_text())["panels"]
    asked = [target["expr"].replace("$__range", "1h") for panel in panels for target in panel["targets"]]
    for expression in asked:
        prometheus.query(expression)  # fails when it is none
    asked += [rule["query"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    prometheus.wait("rules are evaluated", lambda: all(rule["health"] == "ok" for group in prometheus.get("rules")["groups"] for rule in group["rules"]))
    bus.produce(b"no command", key="nobody")  # counters that are there once they count
    bus.submit(jobs.spec("one", seconds=3))
    budget = {"budget_id": jobs.id("budget"), "scope": {"team": jobs.id("team")}, "period": "month", "thresholds": [80], "mode": "soft"}
    bus.produce_all([bus.command("budget.set", budget | {"amount_microusd": 1_000_000_000}, budget["budget_id"])], "oppen.control")
    used = set(re.findall(r"\b(?:oppen|pod|nvidia_smi)_\w+", " ".join(asked))) - {"pod_name", "pod_namespace"}
    assert len(used) >= 10, used
    prometheus.wait(f"all of {used}", lambda: used <= set(prometheus.get("label/__name__/values")))
    workers["oppen-mlflow"].kill()
    prometheus.wait("it is missed", lambda: prometheus.value('ALERTS{alertname="OppenWorkerDown",program="oppen-mlflow"}') == 1)
    assert prometheus.query('ALERTS{alertname="OppenWorkerDown",program!="oppen-mlflow"}') == []
