"""The telemetry agent on the real stack: what it prints of a recording, what it publishes of a job's pod on a simulated node and serves
to Prometheus, and that nothing is lost while Kafka is away and the agent is killed."""

import collections
import json
import os
import re
import shlex
import subprocess

import pytest
from harness.stack import ROOT
from harness.worker import Worker, program

LOADS = ROOT / "deploy" / "local" / "telemetry" / "loads.jsonl"
NODES = "simulated-a100,simulated-v100"
GPU = {"gpus": 1, "cpu": "100m", "memory": "64Mi"}


def start_agent(world, buffer, label):
    settings = {
        "OPPEN_SIMULATED_NODES": NODES,
        "OPPEN_REPLAY": str(LOADS),
        "OPPEN_INTERVAL": "1",
        "OPPEN_BUFFER_DIR": str(buffer),
    }
    return Worker(world.stack, "oppen-telemetry", "KUBECONFIG_TELEMETRY", world.logs, label=label, settings=settings).start()


@pytest.fixture
def agent(world, tmp_path):
    worker = start_agent(world, tmp_path / "buffer", "telemetry").wait_ready()
    yield worker
    assert worker.stop() == 0, worker.tail()


def samples(bus, **fields):
    """The records of gpu.sample whose data has these fields."""
    found = [record for record in bus.records("oppen.telemetry") if record.type == "gpu.sample"]
    return [record for record in found if fields.items() <= record.data.items()]


def metric(worker, name, **labels):
    """{labels of a line as text: value} of those that have these labels."""
    lines = {}
    for line in worker.get("/metrics")[1].splitlines():
        match = re.fullmatch(name + r"\{(.*)\} (\S+)", line)
        if match and all(f'{label}="{value}"' in match[1] for label, value in labels.items()):
            lines[match[1]] = float(match[2])
    return lines


def once(*arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OPPEN_", "KUBE"))}
    return subprocess.run(
        [program("oppen-telemetry"), "--once", *arguments],
        capture_output=True, text=True, timeout=60, env=environment, cwd=ROOT, check=False,
    )


def check(events):
    """By the project's codec."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    done = subprocess.run([program("event-tool"), "check"], input=lines, capture_output=True, text=True, timeout=60, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(events) and not [answer for answer in answers if "error" in answer], answers


def test_once_of_a_recording():
    done = once("-o", "json", "--replay", str(LOADS), "--node", "gpu-node-1")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)["gpu_samples"]
    assert {sample["gpu_index"] for sample in printed} == set(range(6))
    check([{"type": "dev.oppen.gpu.sample.v1", "data": sample} for sample in printed])
    [idle] = [sample for sample in printed if "pod" not in sample and sample["sampled_at"] == "2026-01-05T09:00:00.000Z"]
    assert idle["node"] == "gpu-node-1" and idle["utilization_percent"] == 0 and "share" not in idle

    table = once("--replay", str(LOADS))
    assert table.returncode == 0 and "UTIL %" in table.stdout and "resnet50" in table.stdout


def test_the_commands_of_the_docs():
    """Those that need no GPU."""
    text = (ROOT / "docs" / "telemetry.md").read_text()
    commands = re.findall(r"^oppen-telemetry --once (.*--replay .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = once(*shlex.split(command, comments=True))
        assert done.returncode == 0 and "A100" in done.stdout, (command, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--replay", "/no/such/file"), "/no/such/file"),
        (("--source", "replay"), "--replay"),
        (("--simulated-nodes", "a"), "--replay"),
        (("--source", "magic"), "nvidia-smi"),
        (("--buffer-mb", "0"), "--buffer-mb"),
        (("--dcgm-url", "http://user:secret@127.0.0.1:9400/metrics"), "--dcgm-url is an address with '@' in it"),
    ],
)
def test_bad_settings_are_named(arguments, said):
    done = once(*arguments)
    assert done.returncode == 2 and said in done.stderr, (done.returncode, done.stderr)


def test_samples_follow_the_pod_of_a_job(world, agent, bus, jobs):
    job = jobs.spec("training", seconds=600, model_type="resnet50", resources=GPU)
    bus.submit(job)
    started = bus.wait_event(job["job_id"], "started")
    bus.wait_for(
        "two samples of the job at work",
        lambda: len([record for record in samples(bus, job_id=job["job_id"]) if record.data["utilization_percent"] > 0]) >= 2,
    )
    records = samples(bus, job_id=job["job_id"])
    check([{"type": "dev.oppen.gpu.sample.v1", "data": record.data} for record in records])
    place = bus.wait_step(job["job_id"], "started").record.partition  # of a topic with as many partitions and the same key
    for record in records:
        assert record.key == job["job_id"] and record.partition == place
        assert record.headers["ce_subject"] == job["job_id"].encode()
        data = record.data
        assert (data["attempt"], data["share"], data["pod"], data["node"]) == (1, 1.0, started["pod"], started["node"])
        assert data["gpu_type"] in ("A100", "V100") and data["memory_used_mb"] > 1000
    assert len({record.data["gpu_uuid"] for record in records}) == 1, "a pod keeps its GPU"
    gpu = records[0].data["gpu_uuid"]

    labels = {"pod_name": started["pod"], "pod_namespace": started["namespace"], "node": started["node"], "model": "resnet50"}
    for name in ("utilization_gpu", "memory_used_mb", "temperature_gpu", "power_watts"):
        [(text, value)] = metric(agent, f"nvidia_smi_{name}", gpu_uuid=gpu, **labels).items()
        assert value > 0, text
    assert len(metric(agent, "nvidia_smi_utilization_gpu")) == 16, "all GPUs of both nodes, each once"

    bus.cancel(job_id=job["job_id"])
    bus.wait_ended([job["job_id"]])
    agent.wait("the pod is gone from /metrics", lambda: not metric(agent, "nvidia_smi_utilization_gpu", pod_name=started["pod"]))
    last = max(record.data["sampled_at"] for record in samples(bus, job_id=job["job_id"]))
    free = bus.wait_for(
        "a sample of the GPU without a pod",
        lambda: [record for record in samples(bus, gpu_uuid=gpu) if "pod" not in record.data and record.data["sampled_at"] > last],
    )
    assert free[0].key == gpu and free[0].data["utilization_percent"] == 0


def test_nothing_is_lost_while_kafka_is_away(rough_world, tmp_path, request):
    world, bus, buffer = rough_world, rough_world.bus, tmp_path / "buffer"

    def number(worker, name):
        return worker.metric(name) or 0

    def made(worker):
        return sum(metric(worker, "oppen_telemetry_samples_total").values())

    first = start_agent(world, buffer, "telemetry-1")
    request.addfinalizer(first.kill)  # also where the test ends early
    first.wait_ready()
    first.wait("acknowledged samples", lambda: number(first, "oppen_telemetry_acknowledged_total") >= 32)
    world.stack.kill("kafka")
    first.wait("samples in the buffer", lambda: number(first, "oppen_telemetry_buffered_records") >= 48)
    assert not first.readyz()[0] and first.readyz()[1]["kafka"] != "ok"
    made_first, waiting = made(first), number(first, "oppen_telemetry_buffered_records")
    first.kill()

    second = start_agent(world, buffer, "telemetry-2")
    request.addfinalizer(second.kill)
    second.wait("the buffer of the one that was killed, and more",
                lambda: number(second, "oppen_telemetry_buffered_records") >= waiting + 32)
    world.stack.start("kafka")
    world.scheduler.wait_ready()
    second.wait_ready()
    second.wait("an empty buffer", lambda: number(second, "oppen_telemetry_buffered_records") == 0)
    assert number(second, "oppen_telemetry_dropped_total") == 0
    made_second = made(second)
    assert second.stop() == 0, second.tail()
    bus.caught_up()

    arrived = samples(bus)
    assert len({record.id for record in arrived}) >= made_first + made_second
    by_gpu = collections.defaultdict(dict)  # GPU -> sampled_at by id, in the order of the first arrivals of a partition
    for record in arrived:
        by_gpu[record.data["gpu_uuid"]].setdefault(record.id, record.data["sampled_at"])
    assert len(by_gpu) == 16
    for times in by_gpu.values():
        assert list(times.values()) == sorted(times.values()), "in order"
