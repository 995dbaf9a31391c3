"""Records what an outsider can see of a run into a History: the bus, the API server's pods, and in the end Redis."""

import datetime
import http.client
import json
import subprocess
import threading

from harness.bus import TOPICS
from workload import INTENT

LABEL = "oppen.dev/"


def pod_entry(change, pod):
    metadata, status = pod["metadata"], pod["status"]
    labels = metadata.get("labels", {})
    return {
        "change": change,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "job": labels.get(LABEL + "job-id", ""),
        "attempt": int(labels.get(LABEL + "attempt", 0)),
        "epoch": int(metadata.get("annotations", {}).get(LABEL + "epoch", -1)),
        "phase": status.get("phase", ""),
        "reason": status.get("reason", ""),
        "node": pod["spec"].get("nodeName", ""),
        "priority": pod["spec"].get("priorityClassName", ""),
        "deleting": "deletionTimestamp" in metadata,
        "finalizer": bool(metadata.get("finalizers")),
        "created": metadata["creationTimestamp"],
    }


def seconds(rfc3339):
    return datetime.datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp()


class PodRecorder:
    """Watches the managed pods at the API server itself, by a list and what follows it. After an outage it lists again: what went
    meanwhile is told first, then what came."""

    PATH = "pods?labelSelector=app.kubernetes.io/managed-by%3Doppen"

    def __init__(self, kube, history):
        self._kube, self._history = kube, history
        self._known = {}
        self._version = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        assert self._thread.is_alive(), "the watch of the pods has broken off"
        self._closing.set()
        self._thread.join(30)

    def _run(self):
        while not self._closing.is_set():
            try:
                if self._version is None:
                    self._list()
                self._follow()
            except (OSError, http.client.HTTPException, ValueError, AssertionError):
                self._closing.wait(0.1)  # the API server is away

    def _list(self):
        listed = self._kube.get(self.PATH)
        there = {pod["metadata"]["uid"] for pod in listed["items"]}
        for uid in [uid for uid in self._known if uid not in there]:
            self._take("DELETED", self._known[uid])
        for pod in listed["items"]:
            known = self._known.get(pod["metadata"]["uid"])
            if known is None or known["metadata"]["resourceVersion"] != pod["metadata"]["resourceVersion"]:
                self._take("LISTED", pod)
        self._version = listed["metadata"]["resourceVersion"]

    def _follow(self):
        path = f"{self.PATH}&watch=true&timeoutSeconds=5&allowWatchBookmarks=true&resourceVersion={self._version}"
        connection = self._kube.open("GET", path, timeout=30)
        try:
            answer = connection.getresponse()
            if answer.status != 200:
                self._version = None  # it may be one that is no longer known
                raise OSError(f"no watch of pods: {answer.read()}")
            for line in answer:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    self._version = None  # it no longer knows so old a version
                    return
                self._version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(event["type"], event["object"])
        finally:
            connection.close()

    def _take(self, change, pod):
        uid = pod["metadata"]["uid"]
        if change == "DELETED":
            self._known.pop(uid, None)
        else:
            self._known[uid] = pod
        self._history.add("pod", **pod_entry(change, pod))


class BusRecorder:
    """Takes over what the Bus has collected, with the time at which it was seen."""

    def __init__(self, bus, history):
        self._bus, self._history = bus, history
        self._taken = dict.fromkeys(TOPICS, 0)
        self._values = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        assert self._thread.is_alive(), "taking over what the bus has told has broken off"
        self._closing.set()
        self._thread.join(30)
        self._drain()

    def _run(self):
        while not self._closing.wait(0.05):
            self._drain()

    def _drain(self):
        for topic, take in (
            ("oppen.jobs", self._command),
            ("oppen.control", self._control),
            ("oppen.job-events", self._event),
            ("oppen.dead-letter", self._letter),
        ):
            records = self._bus.records(topic)
            for record in records[self._taken[topic] :]:
                take(record)
            self._taken[topic] = len(records)

    def _command(self, record):
        intent = record.headers.get(INTENT, b"").decode() or "poison"
        self._values[record.offset] = record.value
        data = record.data if intent != "poison" else None
        self._history.add("command", offset=record.offset, kind=record.type, key=record.key, intent=intent, data=data)

    def _control(self, record):
        if record.type == "leader.claimed":
            self._history.add("claim", offset=record.offset, instance=record.data["instance"])
        elif record.type == "policy.changed":
            overrides = {change["key"]: change["value"] for change in record.data.get("overrides", ())}
            self._history.add(
                "policy",
                since=seconds(record.data["effective_from"]),
                paused=overrides.get("queue_paused") == "true",
                window=record.data["cost_model"].get("off_peak_window", ""),
            )

    def _event(self, record):
        kind = record.type.removeprefix("job.")
        where = {"partition": record.partition, "offset": record.offset, "time": seconds(record.time)}
        self._history.add("event", **where, id=record.id, kind=kind, key=record.key, data=record.data)

    def _letter(self, record):
        offset = int(record.headers["oppen_offset"])
        self._history.add(
            "letter",
            source=record.headers["oppen_topic"].decode(),
            offset=offset,
            reason=record.headers["oppen_error"].decode(errors="replace"),
            intact=record.value == self._values.get(offset, record.value),
        )


# The first line of each record, and how much there is of everything else.
LOOK = """
local prefix, records, other = '{oppen.scheduler}:', {}, {}
for _, key in ipairs(redis.call('KEYS', prefix .. 'job:*')) do
  records[#records + 1] = string.sub(key, #prefix + 5) .. ' ' .. string.match(redis.call('GET', key), '^[^\\n]*')
end
for _, key in ipairs({'queue:u', 'queue:n', 'queue:b', 'window:u', 'window:n', 'window:b', 'retry:u', 'retry:n', 'retry:b',
                       'dependent:u', 'dependent:n', 'dependent:b', 'live'}) do
  other[#other + 1] = key .. ' ' .. redis.call('ZCARD', prefix .. key)
end
other[#other + 1] = 'outbox ' .. redis.call('XLEN', prefix .. 'outbox')
other[#other + 1] = 'batches ' .. redis.call('SCARD', prefix .. 'batches')
other[#other + 1] = 'stage ' .. #redis.call('KEYS', prefix .. 'stage*')
return {records, other, redis.call('HGETALL', prefix .. 'counters'), redis.call('HGETALL', prefix .. 'users')}
"""
STATES = {
    "q": "queued",
    "l": "launching",
    "r": "running",
    "x": "cancelling",
    "s": "succeeded",
    "f": "failed",
    "c": "cancelled",
    "j": "rejected",
}


def look_at_redis(stack):
    """What is left of the queue, each job's state, the counters as they are kept, and as the records add up."""
    command = ["redis-cli", "-u", stack.env["OPPEN_REDIS_URL"], "--json", "EVAL", LOOK, "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    records, other, sums, users = json.loads(done.stdout)
    counters = dict(zip(sums[::2], map(int, sums[1::2])))
    counters |= {f"user:{user}": int(jobs) for user, jobs in zip(users[::2], users[1::2])}
    counted, states = {}, {}

    def add(field, amount):
        counted[field] = counted.get(field, 0) + int(amount)

    for record in records:
        job_id, state, _, _, priority, _, _, gpus, cpu, memory, cost, milliseconds, *_, user = record.split()
        states[job_id] = STATES.get(state, state)
        if state in "qlrx":
            add(f"user:{user}", 1)
        if state == "q":
            for field, amount in (("queued", 1), ("cost", cost), ("milliseconds", milliseconds)):
                add(f"{field}:{priority}", amount)
            continue
        add(f"state:{priority}:{state}", 1)
        if state in "lrx":
            for field, amount in (("pods", 1), ("gpus", gpus), ("cpu", cpu), ("memory", memory)):
                add(f"{field}:{priority}", amount)
    left = {line.split()[0]: int(line.split()[1]) for line in other}
    return {"left": left, "states": states, "counters": counters, "counted": counted}
