"""A team runs away: alert, cause, proposal, approval, back to normal; between a real Kafka, Redis, Kubernetes, scheduler and cost worker.

What the alert goes by, fourteen days and the hours in which the team ran away, is made at once, as of its times. What the approval does is real."""

import json
import os
import subprocess
import time
import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from harness.jobs import Jobs
from harness.policies import Policies
from harness.waiting import PATIENCE
from harness.worker import Worker, program

DONE = 0
MINUTE, HOUR, DAY = 60, 3600, 86_400
USUAL = 1_000_000  # micro-dollars an hour, of each of two teams: $24 a day
RUNAWAY = 1_200_000  # of each of five jobs more
PARALLEL, LIMIT = 6, 2
QUEUED = 600  # more than can run while anything here is waited for; the rest goes with the stack


@pytest.fixture(scope="module")
def workers(fresh_world):
    """The cost worker, the anomaly worker and a console; the anomaly worker is started by the test, once there is something to read."""
    stack, logs = fresh_world.stack, fresh_world.logs
    console = stack.env["OPPEN_CONSOLE_URL"].removeprefix("http://")
    made = {
        "cost": Worker(stack, "oppen-cost", None, logs),
        "anomaly": Worker(stack, "oppen-anomaly", None, logs),
        "console": Worker(stack, "oppen-console", "KUBECONFIG_CONSOLE", logs, listen=console),
    }
    for name in ("cost", "console"):
        made[name].start().wait_ready()
    yield made
    for worker in made.values():
        if worker.runs():
            assert worker.stop() == 0, worker.tail()


@pytest.fixture
def oppen(fresh_world):
    def run(*arguments):
        done = subprocess.run(
            [program("oppen"), *arguments, "-o", "json"],
            env={**os.environ, **fresh_world.stack.env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == DONE, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    return run


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def charge(job, team, start, seconds, hourly):
    amount = round(hourly * seconds / HOUR)
    return start + seconds, {
        "job_id": job,
        "attempt": 1,
        "pod": f"{job}-1",
        "namespace": "ml-training",
        "model_type": "resnet",
        "workload_type": "training",
        "team": team,
        "project": f"{team}-project",
        "gpu_type": "A100",
        "interval_start": rfc3339(start),
        "interval_end": rfc3339(start + seconds),
        "gpu_microusd": amount,
        "cpu_microusd": 0,
        "memory_microusd": 0,
        "total_microusd": amount,
        "multipliers": {"time": 1, "priority": 1, "spot": 1},
        "correction": False,
        "final": False,
    }


def runaway(stack):
    """Writes the charges of fourteen days of two teams, and of vision's forty minutes five hours and a half ago; returns when these began."""
    began = (time.time() - 5.5 * HOUR) // (5 * MINUTE) * (5 * MINUTE)
    first, now = began - 14 * DAY, time.time() - 5 * MINUTE
    usual = [(team, at, HOUR) for team in ("vision", "speech") for at in range(int(first), int(began), HOUR)]
    # Something comes at all times: what is silent for minutes may have been down, and is not judged later.
    usual += [(team, at, MINUTE) for team in ("vision", "speech") for at in range(int(began), int(now), MINUTE)]
    charges = [charge(f"{team}-usual", team, at, seconds, USUAL) for team, at, seconds in usual]
    for number in range(5):
        charges += [charge(f"vision-more-{number}", "vision", at, MINUTE, RUNAWAY) for at in range(int(began), int(began) + 40 * MINUTE, MINUTE)]
    producer = Producer({"bootstrap.servers": stack.env["OPPEN_KAFKA_BROKERS"], "log_level": 0, "partitioner": "murmur2_random"})
    for at, data in sorted(charges, key=lambda one: one[0]):
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid.uuid4()),
            "ce_source": "/oppen/tests",
            "ce_type": "dev.oppen.cost.accrued.v1",
            "ce_time": rfc3339(at),
            "content-type": "application/json",
        }
        fields = [(name, text.encode()) for name, text in headers.items()]
        producer.produce("oppen.costs", json.dumps(data), data["job_id"], headers=fields, timestamp=int(at * 1000))
        producer.poll(0)
    assert producer.flush(PATIENCE) == 0
    return began


def spikes(stack):
    """All alerts of cost spikes that there are by now."""
    reader = Consumer({"bootstrap.servers": stack.env["OPPEN_KAFKA_BROKERS"], "group.id": str(uuid.uuid4()), "enable.auto.commit": False, "log_level": 0})
    place = TopicPartition("oppen.alerts", 0, 0)
    _, end = reader.get_watermark_offsets(place, 30)
    reader.assign([place])
    found = []
    while len(found) < end:
        found += [message for message in reader.consume(100, 1) if not message.error()]
    reader.close()
    return [one for one in (json.loads(message.value()) for message in found) if one["kind"] == "cost_spike"]


def spent_by_slot(bus, jobs):
    """Micro-dollars of these jobs in each 30 s of the grid, by its beginning."""
    slots = {}
    for record in bus.records("oppen.costs"):
        if record.readable and record.data.get("job_id") in jobs:
            start = record.data["interval_start"]
            slot = start[:17] + ("00" if int(start[17:19]) < 30 else "30")
            slots[slot] = slots.get(slot, 0) + record.data["total_microusd"]
    return slots


def test_a_runaway_team_is_told_explained_limited_and_well_again(fresh_world, workers, oppen):
    stack, bus = fresh_world.stack, fresh_world.bus
    began = runaway(stack)  # before anything of now is charged
    Policies(fresh_world.kube, bus).set(max_concurrent_jobs=PARALLEL)
    mine = Jobs("runaway", bus)
    specs = [mine.spec(str(number), seconds=15, team="vision") for number in range(QUEUED)]
    bus.submit(*specs)
    ids = {spec["job_id"] for spec in specs}

    def running():
        return [one for one in ids if bus.story(one)[-1:] and bus.story(one)[-1] in ("launched", "started")]

    bus.wait_for("as many run as may", lambda: len(running()) == PARALLEL)
    slots = workers["cost"].wait("what they cost in 30 s", lambda: (found := spent_by_slot(bus, ids)) and len(found) > 2 and found, 3 * MINUTE)
    before = max(slots.values())

    anomaly = workers["anomaly"].start().wait_ready()

    def begun_and_ended():
        found = spikes(stack)
        return any(one["state"] == "resolved" for one in found) and found

    firing, *rest = anomaly.wait("the alert, and its end", begun_and_ended, 3 * MINUTE)
    assert (firing["state"], firing["labels"]) == ("firing", {"team": "vision"})
    assert firing["summary"].startswith("Daily cost spike: expected $24, actual $")
    assert firing["expected"] == pytest.approx(24, abs=0.1)
    assert began < time.mktime(time.strptime(firing["started_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone <= began + 30 * MINUTE
    cause = firing["causes"][0]
    assert (cause["dimension"], cause["value"]) == ("team", "vision")
    assert "new GPU training jobs started unexpectedly of team vision" in cause["explanation"]
    assert sum(one["share"] for one in firing["causes"]) == pytest.approx(1)

    # The proposal: what ran at once before, and what a day costs then.
    (proposal,) = [one for one in oppen("proposals")["proposals"] if one["proposal_id"] == firing["proposal_id"]]
    saved = proposal["predicted_savings_microusd"] / 1e6
    assert proposal["summary"] == f"limit parallel jobs to {LIMIT}: back to ${firing['actual'] - saved:.0f} over the next day"
    assert saved == pytest.approx(firing["actual"] - firing["expected"], rel=0.1)
    assert (proposal["changes"]["key"], proposal["changes"]["value"]) == ("max_concurrent_jobs", str(LIMIT))

    # A person approves: the scheduler lays the limit over its policy; what runs ends, and no more than that starts.
    oppen("approve", firing["proposal_id"], "--reason", "runaway")

    def in_force():
        changed = [record.data for record in bus.records("oppen.control") if record.type == "policy.changed"]
        return [one for one in changed[-1].get("overrides", []) if one["key"] == "max_concurrent_jobs"]

    bus.wait_for("the limit is in force", lambda: [(one["value"], one["because"]) for one in in_force()] == [(str(LIMIT), firing["proposal_id"])])
    bus.wait_for("as many run as may now", lambda: len(running()) == LIMIT)
    limited = rfc3339(time.time())
    after = workers["cost"].wait(
        "two whole stretches of 30 s",
        lambda: len(found := sorted((at, sum_) for at, sum_ in spent_by_slot(bus, ids).items() if at > limited[:19])) > 2 and found[:2],
        3 * MINUTE,
    )
    assert len(running()) <= LIMIT
    for at, spent in after:
        assert 0 < spent <= before * LIMIT / PARALLEL * 1.3, (at, spent, before)

    # What the team spent was usual again three hours after; so the alert is over.
    (resolved,) = [one for one in rest if one["state"] == "resolved"]
    assert resolved["fingerprint"] == firing["fingerprint"] and resolved["started_at"] == firing["started_at"]
    assert not [one for one in oppen("alerts", "list")["alerts"] if one["kind"] == "cost_spike"]
