"""oppen-anomaly between a real Kafka and a real Redis: what happens on the bus becomes alerts, the same whatever is killed, and each once.

Time here is that of the events: hours of it are made at once, and judged as they would have been."""

import collections
import datetime
import json
import os
import random
import signal
import subprocess
import time
import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from harness.stack import Stack
from harness.waiting import PATIENCE, wait_until
from harness.worker import Worker, program

DONE, _, BAD_INPUT, _, NO_SUCH_THING = range(5)
NAME = "oppen-anomaly"
MEMORY = 50  # MB
TOPICS = {"jobs": 1, "control": 1, "job-events": 2, "telemetry": 2, "runs": 2, "costs": 2, "recommendations": 1, "alerts": 1, "dead-letter": 1}
MINUTE = 60
HOUR = 60 * MINUTE
KINDS = {
    "gpu_underutilized",
    "gpu_saturated",
    "gpu_idle_held",
    "gpu_hot",
    "gpu_throttled",
    "gpu_fault",
    "telemetry_stopped",
    "wasteful_pod",
    "queue_stalled",
    "failure_burst",
    "budget_threshold",
    "budget_exceeded",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("alerts") / "stack", services="kafka,redis")
    try:
        yield made.up()
    finally:
        made.down()


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Log:
    """Topics of its own, by a prefix, and what watches them."""

    def __init__(self, stack, folder):
        self.stack, self.folder = stack, folder
        self.prefix = f"t{uuid.uuid4().hex[:8]}."
        brokers = {"bootstrap.servers": stack.env["OPPEN_KAFKA_BROKERS"], "log_level": 0}
        admin = AdminClient(brokers)
        for done in admin.create_topics([NewTopic(self.prefix + name, count) for name, count in TOPICS.items()]).values():
            done.result(30)
        self._brokers = brokers
        # Idempotent: what is sent again while a new topic gets its leader must not come behind what was sent after it.
        self._producer = Producer({**brokers, "partitioner": "murmur2_random", "enable.idempotence": True})
        self.env = {**os.environ, **stack.env, "OPPEN_TOPIC_PREFIX": self.prefix}
        self.workers = []

    def put(self, topic, at, kind, key, data):
        """An event as of a time."""
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid.uuid4()),
            "ce_source": "/oppen/tests",
            "ce_type": f"dev.oppen.{kind}.v1",
            "ce_time": rfc3339(at),
            "content-type": "application/json",
        }
        self.put_raw(topic, at, json.dumps(data), key, headers)

    def put_raw(self, topic, at, value, key=None, headers=None):
        fields = [(name, text.encode()) for name, text in (headers or {}).items()]
        self._producer.produce(self.prefix + topic, value, key, headers=fields, timestamp=int(at * 1000))
        self._producer.poll(0)

    def put_nothing(self, topic, partition):
        """A log that ends in no record: a transaction that is given up leaves its marker."""
        producer = Producer({**self._brokers, "transactional.id": self.prefix})
        producer.init_transactions(PATIENCE)
        producer.begin_transaction()
        producer.produce(self.prefix + topic, b"given up", partition=partition)
        producer.flush(PATIENCE)
        producer.abort_transaction(PATIENCE)

    def flush(self):
        assert self._producer.flush(PATIENCE) == 0

    def records(self, topic):
        """All that is there by now."""
        reader = Consumer({**self._brokers, "group.id": str(uuid.uuid4()), "enable.auto.commit": False})
        place = TopicPartition(self.prefix + topic, 0, 0)
        _, end = reader.get_watermark_offsets(place, 30)
        reader.assign([place])
        found = []
        while len(found) < end:
            found += [message for message in reader.consume(100, 1) if not message.error()]
        reader.close()
        return found

    def alerts(self):
        """With when each was said, by the time of the events."""
        return [{**json.loads(one.value()), "said": dict(one.headers())["ce_time"].decode()} for one in self.records("alerts")]

    def committed(self, group, topic, offset):
        """As a worker of that group would have."""
        member = Consumer({**self._brokers, "group.id": group, "enable.auto.commit": False})
        member.commit(offsets=[TopicPartition(self.prefix + topic, 0, offset)], asynchronous=False)
        member.close()

    def worker(self, name=NAME):
        label = f"{name}-{self.prefix}{len(self.workers)}"
        settings = {"OPPEN_TOPIC_PREFIX": self.prefix}
        self.workers.append(Worker(self.stack, name, None, self.folder, label=label, settings=settings))
        return self.workers[-1]

    def wait_alerts(self, worker, what, condition):
        """Once condition(alerts) is true, the alerts."""
        # A look is due once a minute.
        return worker.wait(what, lambda: (found := self.alerts()) and condition(found) and found, 180)

    def oppen(self, *arguments, console=None):
        env = {**self.env, **({"OPPEN_CONSOLE_URL": f"http://{console.listen}"} if console else {})}
        return subprocess.run([program("oppen"), *arguments], env=env, capture_output=True, text=True, timeout=120, check=False)

    def stop(self):
        for worker in self.workers:
            if worker.runs():
                worker.signal(signal.SIGCONT)
                assert worker.stop() == 0, worker.tail()


@pytest.fixture
def log(stack, tmp_path):
    made = Log(stack, tmp_path)
    yield made
    made.stop()


another_log = log


def context(job_id, seq, state, **fields):
    return {
        "job_id": job_id,
        "seq": seq,
        "attempt": 1,
        "state": state,
        "name": job_id,
        "model_type": "mnist",
        "workload_type": "training",
        "priority": "normal",
        "team": "vision",
        "project": "digits",
        "user": "eva",
        "resources": {"gpus": 1, "cpu": "1", "memory": "1Gi"},
        "spot": False,
        "epochs": 1,
        "batch_size": 64,
        **fields,
    }


def queued(log, at, job_id):
    spec = {"job_id": job_id, "model_type": "mnist", "team": "vision", "project": "digits"}
    more = {
        "spec": spec,
        "source_offset": 0,
        "position": 1,
        "estimated_wait_seconds": 0,
        "estimated_duration_seconds": 60,
        "estimated_cost_microusd": 1,
    }
    log.put("job-events", at, "job.queued", job_id, context(job_id, 1, "queued", **more))


def launched(log, at, job_id):
    pod = {"pod": f"{job_id}-1", "namespace": "ml-training"}
    log.put("job-events", at, "job.launched", job_id, context(job_id, 2, "launching", **pod))


def started(log, at, job_id, node):
    more = {"pod": f"{job_id}-1", "namespace": "ml-training", "node": node, "gpu_type": "A100", "started_at": rfc3339(at)}
    log.put("job-events", at, "job.started", job_id, context(job_id, 2, "running", **more))


def ended(log, at, job_id, seq=3, **fields):
    end = {"pod": f"{job_id}-1", "namespace": "ml-training", "node": "node-a", "gpu_type": "A100"}
    if "class" in fields:
        end.update(message="no memory")
    kind = "failed" if "class" in fields else "succeeded"
    more = {**end, "metrics": {}, **fields}
    log.put("job-events", at, f"job.{kind}", job_id, context(job_id, seq, kind, **more))


def sample(log, at, gpu, pod=None, node="node-a", **fields):
    data = {
        "node": node,
        "gpu_uuid": gpu,
        "gpu_index": 0,
        "gpu_type": "A100",
        "sampled_at": rfc3339(at),
        "interval_seconds": 30,
        "utilization_percent": 50,
        "memory_used_mb": 10,
        "memory_total_mb": 80,
        "temperature_celsius": 60,
        "power_watts": 200,
        **fields,
    }
    if pod:
        data.update(pod=f"{pod}-1", namespace="ml-training", job_id=pod, attempt=1)
    log.put("telemetry", at, "gpu.sample", pod or gpu, data)


def charge(log, at, job_id, amount, seconds=30, team="vision"):
    data = {
        "job_id": job_id,
        "attempt": 1,
        "pod": f"{job_id}-1",
        "namespace": "ml-training",
        "model_type": "mnist",
        "workload_type": "training",
        "team": team,
        "project": "digits",
        "gpu_type": "A100",
        "interval_start": rfc3339(at - seconds),
        "interval_end": rfc3339(at),
        "gpu_microusd": amount,
        "cpu_microusd": 0,
        "memory_microusd": 0,
        "total_microusd": amount,
        "multipliers": {"time": 1, "priority": 1, "spot": 1},
        "correction": False,
        "final": False,
    }
    log.put("costs", at, "cost.accrued", job_id, data)


def budget_state(log, at, spent, period_start):
    data = {
        "budget_id": "vision",
        "period_start": period_start,
        "spent_microusd": spent,
        "committed_microusd": 0,
        "forecast_microusd": spent,
        "low": spent,
        "high": spent,
        "exceeded": spent > 100_000_000,
    }
    log.put("control", at, "budget.state", "vision", data)


def history(log, now):
    """Five hours in which each kind of alert begins and ends; returns when all of it was over. Every log has something throughout."""
    began = (now - 5.5 * HOUR) // MINUTE * MINUTE
    month = datetime.datetime.fromtimestamp(began, datetime.UTC).strftime("%Y-%m-01T00:00:00Z")
    steps = []

    def at(seconds, what, *arguments, **fields):
        steps.append((began + seconds, what, arguments, fields))

    budget = {"budget_id": "vision", "scope": {"team": "vision"}, "period": "month", "amount_microusd": 100_000_000}
    at(0, lambda when: log.put("control", when, "budget.set", "vision", {**budget, "thresholds": [50, 80], "mode": "soft"}))
    at(10 * MINUTE, lambda when: budget_state(log, when, 60_000_000, month))
    at(20 * MINUTE, lambda when: budget_state(log, when, 85_000_000, month))
    at(30 * MINUTE, lambda when: budget_state(log, when, 101_000_000, month))
    # The budget is raised: nothing is reached any more.
    more = {**budget, "amount_microusd": 900_000_000, "thresholds": [50, 80], "mode": "soft"}
    at(60 * MINUTE, lambda when: log.put("control", when, "budget.set", "vision", more))

    for pod in ("low", "full", "idle", "dear"):
        at(0, lambda when, pod=pod: queued(log, when, pod))
        at(1, lambda when, pod=pod: launched(log, when, pod))
        at(2 * HOUR, lambda when, pod=pod: ended(log, when, pod))
    at(0, lambda when: queued(log, when, "quiet"))
    at(1, lambda when: started(log, when, "quiet", "node-c"))
    at(2 * HOUR, lambda when: ended(log, when, "quiet"))
    for second in range(0, 4 * HOUR, 30):
        heat = 60 if second < HOUR or second > HOUR + 20 * MINUTE else 90
        braked = ["hw_power_brake_slowdown"] if HOUR <= second < HOUR + 30 * MINUTE else []
        xid = {"xid": 79} if second == 30 * MINUTE else {}
        at(second, lambda when, heat=heat: sample(log, when, "gpu-hot", temperature_celsius=heat))
        at(second, lambda when, braked=braked: sample(log, when, "gpu-braked", throttle_reasons=braked))
        at(second, lambda when, xid=xid: sample(log, when, "gpu-broken", node="node-b", **xid))
        if second < 90 * MINUTE or second > 100 * MINUTE:  # the agent of node-c is away for a while
            at(second, lambda when: sample(log, when, "gpu-quiet", node="node-c"))
        if second < 2 * HOUR:
            at(second, lambda when: sample(log, when, "gpu-low", "low", utilization_percent=15))
            at(second, lambda when: sample(log, when, "gpu-full", "full", utilization_percent=99))
            at(second, lambda when: sample(log, when, "gpu-idle", "idle", utilization_percent=0))
            at(second, lambda when: sample(log, when, "gpu-dear", "dear", utilization_percent=20))
            at(second, lambda when: charge(log, when, "dear", 3_000))

    # Something comes at all times.
    for second in range(4 * HOUR, int(5.5 * HOUR), MINUTE):
        at(second, lambda when: sample(log, when, "gpu-steady", node="node-d"))

    for hour in range(-14 * 24, 0):
        at(hour * HOUR, lambda when: charge(log, when, "always", 2_000_000, HOUR, team="speech"))
    for second in range(0, HOUR, 300):
        at(HOUR + second, lambda when: charge(log, when, "spikes", 5_000_000, 300, team="speech"))

    at(2.5 * HOUR, lambda when: queued(log, when, "waits"))
    at(3 * HOUR, lambda when: launched(log, when, "waits"))
    at(3 * HOUR + 60, lambda when: ended(log, when, "waits"))
    for number in range(7):
        at(3.2 * HOUR + number, lambda when, number=number: ended(log, when, f"failed-{number}", 1, **{"class": "oom"}))
    for number, topic in enumerate(("job-events", "telemetry", "runs", "costs", "control")):
        for value in (b"", b"{", b'{"a": 1}', b"[" * 1000):
            at(3.5 * HOUR + number, lambda when, topic=topic, value=value: log.put_raw(topic, when, value, "garbage"))
        wrong = {"gpu_uuid": 7, "job_id": [], "run_id": {}}
        kind = {"job-events": "job.failed", "telemetry": "gpu.sample", "runs": "run.completed", "costs": "cost.accrued"}.get(topic, "alert.silence")
        at(3.5 * HOUR + number, lambda when, topic=topic, kind=kind, wrong=wrong: log.put(topic, when, kind, "wrong", wrong))
    for when, what, arguments, fields in sorted(steps, key=lambda step: step[0]):
        what(when, *arguments, **fields)
    log.flush()
    log.put_nothing("runs", 1)
    return began + 5.3 * HOUR


def past(alerts, end):
    """Those that were said in the time that was made, by id; what comes now depends on how long a test takes."""
    return {one["alert_id"]: one for one in alerts if one["said"] < rfc3339(end)}


def all_over(alerts):
    """Of each kind one is over."""
    return {one["kind"] for one in alerts if one["state"] == "resolved"} >= KINDS


def memory(worker):
    with open(f"/proc/{worker.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def faults(alerts):
    return [one for one in alerts if one["kind"] == "gpu_fault"]


@pytest.fixture(scope="module")
def silenced(stack, tmp_path_factory):
    """One that is asked of on the command line, from early on: it looks once a minute."""
    made = Log(stack, tmp_path_factory.mktemp("silenced"))
    now = time.time()
    sample(made, now - 10 * MINUTE, "gpu-1", node="node-a", xid=79)
    made.flush()
    made.watcher = made.worker().start().wait_ready()
    made.console = made.worker("oppen-console").start().wait_ready()
    made.wait_alerts(made.watcher, "it fires", faults)
    done = made.oppen("alerts", "silence", "--kind", "gpu_fault", "--label", "node=node-b", "--for", "2h", "--reason", "repair")
    assert done.returncode == DONE, done.stderr
    sample(made, time.time(), "gpu-2", node="node-b", xid=79)
    made.flush()
    yield made
    made.stop()


def test_every_kind_and_its_end_whatever_is_killed(silenced, stack, log, another_log):
    """One that is left alone, one that is killed again and again, and one that begins anew say the same, each alert once, or with its id again."""
    now = time.time()
    left_alone, killed = log, another_log
    end = history(left_alone, now)
    history(killed, now)

    left_alone.committed("oppen-cost", "job-events", 0)
    worker = left_alone.worker().start()
    alerts = left_alone.wait_alerts(worker, "each kind fires, and is over", all_over)
    lagging = left_alone.wait_alerts(worker, "a worker lags", lambda all: [one for one in all if one["kind"] == "worker_lagging"])
    assert {"worker": "oppen-cost", "topic": "job-events"} in [one.get("labels") for one in lagging]
    assert memory(worker) < MEMORY
    assert worker.metric("oppen_leader") == 1
    expected = past(alerts, end)
    assert len(alerts) == len({one["alert_id"] for one in alerts}), "none is said twice"
    for one in expected.values():
        assert one["kind"] in KINDS | {"worker_lagging", "cost_spike"}
    firing = [one for one in expected.values() if one["state"] == "firing"]
    told = collections.Counter(one["fingerprint"] for one in firing)
    assert set(told.values()) == {1}, [(one["said"], one["summary"]) for one in alerts if told[one["fingerprint"]] > 1]
    spike = next(one for one in firing if one["kind"] == "cost_spike")
    assert "Daily cost spike: expected $" in spike["summary"] and spike["expected"] < spike["actual"], spike
    assert sorted(one["labels"].get("pod", "") for one in firing if one["kind"] == "wasteful_pod") == ["dear-1"]
    letters = [dict(message.headers()) for message in left_alone.records("dead-letter")]
    assert len(letters) == 4 * 5, "of control the scheduler is the judge"
    assert {letter["oppen_worker"] for letter in letters} == {b"anomaly"}
    assert any(b"gpu_uuid" in letter["oppen_error"] for letter in letters)

    # Killed, and once its Redis is emptied, too: it begins anew.
    worker = killed.worker()
    moments = random.Random(7)
    for _ in range(6):
        worker.start()
        worker.wait("it leads", worker.leads)
        time.sleep(moments.uniform(0, 0.5))  # any moment will do
        worker.kill()
        stack.redis("DEL", f"{{{killed.prefix}anomaly}}:lease")  # it has run out
    worker.start()

    def missing():
        found = past(killed.alerts(), end)
        return [one for alert_id, one in expected.items() if alert_id not in found]

    wait_until("all that the other one said is said", lambda: not missing(), explain=lambda: f"{missing()} {worker.tail()}")
    worker.kill()
    stack.redis("DEL", f"{{{killed.prefix}anomaly}}:lease")
    again = killed.alerts()
    other = [one for alert_id, one in past(again, end).items() if alert_id not in expected]
    assert not other, [(one["kind"], one["state"], one["said"], one.get("labels"), one["summary"]) for one in other]
    changed = [(one, expected[one["alert_id"]]) for one in again if one["alert_id"] in expected and one != expected[one["alert_id"]]]
    assert not changed, "what is said again is the same"
    said = len(again)
    keys = stack.redis("KEYS", f"{{{killed.prefix}anomaly}}:*").split()
    stack.redis("DEL", *keys)
    worker.start()
    more = killed.wait_alerts(worker, "all is said again", lambda all: len(past(all[said:], end)) >= len(expected))
    assert set(past(more, end)) == set(expected)
    assert worker.stop() == 0, worker.tail()


def test_a_standby_takes_over(log):
    """What leads is stopped and wakes up later: it says nothing."""
    first = log.worker().start()
    first.wait("it leads", first.leads)
    first.signal(signal.SIGSTOP)
    # Before anybody has heard that there is nothing: what comes later counts from then on.
    end = history(log, time.time())
    second = log.worker().start()
    second.wait("it takes over", second.leads)
    log.wait_alerts(second, "it watches", all_over)
    first.signal(signal.SIGCONT)
    first.wait("it stands by", lambda: first.metric("oppen_leader") == 0)
    second.kill()
    first.wait("it leads again", first.leads)
    alerts = log.alerts()
    said = past(alerts, end)
    assert all(one == said[one["alert_id"]] for one in alerts if one["alert_id"] in said), "what is said again is the same"
    firing = [one["fingerprint"] for one in said.values() if one["state"] == "firing"]
    assert len(firing) == len(set(firing)), "nothing began twice"


def test_asked_silenced_and_judged_on_the_command_line(silenced):
    log, console = silenced, silenced.console

    def listed(*words):
        done = log.oppen("alerts", "list", *words, "-o", "json", console=console)
        assert done.returncode == DONE, done.stderr
        return json.loads(done.stdout)

    (alert,) = faults(log.alerts())
    (silence,) = wait_until("it is known", lambda: listed()["silences"])
    assert silence["matchers"] == {"kind": "gpu_fault", "labels": {"node": "node-b"}} and silence["reason"] == "repair"
    told = {one["labels"]["gpu_uuid"]: one["told"] for one in faults(listed()["alerts"])}
    assert told["gpu-1"] is True

    text = log.oppen("alerts", console=console)
    assert text.returncode == DONE and alert["fingerprint"] in text.stdout and "XID 79" in text.stdout
    assert "Silenced until" in text.stdout
    for words, code in (
        (("feedback", "nothing", "noise"), NO_SUCH_THING),
        (("feedback", alert["fingerprint"], "good"), BAD_INPUT),
        (("silence", "--for", "1h"), BAD_INPUT),
        (("silence", "--kind", "gpu_hot"), BAD_INPUT),
        (("silence", "--label", "node", "--for", "1h"), BAD_INPUT),
        (("feedback", alert["fingerprint"][:6], "noise", "--note", "known"), DONE),
    ):
        done = log.oppen("alerts", *words, console=console)
        assert done.returncode == code, (words, done.stderr)

    def judged():
        return [one.get("feedback", {}).get("note") for one in listed("--state", "all")["alerts"] if one["fingerprint"] == alert["fingerprint"]]

    wait_until("it is known", lambda: judged() == ["known"])

    def fires_unsaid():
        return [one for one in faults(listed()["alerts"]) if one["labels"]["gpu_uuid"] == "gpu-2" and one["told"] is False]

    wait_until("it fires, and nobody is told", fires_unsaid, 2 * MINUTE, pause=0.5)
    wait_until(
        "what is noise is over", lambda: alert["fingerprint"] in {one["fingerprint"] for one in log.alerts() if one["state"] == "resolved"}, 2 * MINUTE
    )
    assert {one["labels"]["gpu_uuid"] for one in faults(log.alerts())} == {"gpu-1"}
