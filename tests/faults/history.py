"""What happened in a run, as an outsider saw it: the log of commands, the events, the pods, the faults, and what was left.

A history is a list of entries with times. It is written to a file as it stands, so that a run that broke a promise can be looked
at again: `python history.py FILE [JOB]` prints it, or what it says of one job.
"""

import collections
import functools
import json
import pathlib
import sys
import threading
import time

TERMINAL = ("succeeded", "failed", "cancelled")
ENDS = (*TERMINAL, "rejected")
ANSWERS = ("duplicate", "cancel-refused", "amend-refused")  # no steps of a job's life: they don't raise seq
ENDED_PHASES = ("Succeeded", "Failed")


def decided(event):
    """When the scheduler decided it; it may be seen later."""
    return event.get("time", event["at"])


def for_the_user(kind, data):
    """Whether an event refuses a job, or a batch, because its user has too many."""
    if kind == "batch.rejected":
        return {error["field"] for error in data.get("errors", ())} == {"user"}
    return kind == "rejected" and data.get("code") == "not_allowed" and data.get("field") == "user"


class History:
    """Entries of these kinds (`what`), each with the time `at` and more:

    command   a record of oppen.jobs: offset, kind, key, data, intent (valid, invalid, poison; what the sender meant by it)
    acked     the broker has acknowledged a command: offset
    event     a record of job-events: partition, offset, time (at which the scheduler decided it), id, kind, key, data
    policy    a policy.changed: since, paused, window (the off-peak window)
    feature   what was done beside the faults: did (pause, resume, open, close the window), window
    claim     a leader.claimed: offset
    letter    a dead letter: source (topic), offset (there), reason, intact (the record is untouched)
    pod       a change the API server told: change, name, uid, job, attempt, epoch, phase, node, priority, deleting, finalizer, created
    fault     what was done to the system: fault, and its particulars
    disturbed at the end: planned and done, how often each fault was and is; mischief, requests to the API server, by what became of them
    exit      a scheduler ended: label, code, expected
    verify    what oppen-scheduler --verify said in the end: code, said
    final     what was left when all was said to be over: redis, pods, ...
    """

    def __init__(self, meta, entries=()):
        self.meta = dict(meta)  # seed, max_concurrent_jobs, ...
        self.entries = list(entries)
        self._lock = threading.Lock()

    def add(self, what, at=None, **fields):
        """Any thread."""
        with self._lock:
            self.entries.append({"at": time.time() if at is None else at, "what": what, **fields})

    def save(self, path):
        with pathlib.Path(path).open("w") as file:
            for entry in ({"what": "meta", "at": 0, **self.meta}, *self.entries):
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path):
        entries = [json.loads(line) for line in pathlib.Path(path).open()]
        return cls(entries[0], entries[1:])

    def of(self, what):
        return self._by_kind.get(what, [])

    # What follows is for a history that is complete: it is worked out once.

    @functools.cached_property
    def _by_kind(self):
        found = collections.defaultdict(list)
        for entry in self.entries:
            found[entry["what"]].append(entry)
        found["command"].sort(key=lambda entry: entry["offset"])
        return found

    @functools.cached_property
    def jobs(self):
        """All that was ever submitted under an id that could be read: id -> Job."""
        jobs = {}
        for command in self.of("command"):
            if command["intent"] == "poison":
                continue
            if command["kind"] == "job.submit":
                specs, batch = [command["data"]], None
            elif command["kind"] == "batch.submit":
                specs, batch = command["data"]["jobs"], command["data"]["batch_id"]
            else:
                continue
            for spec in specs:
                job = jobs.setdefault(spec["job_id"], Job(spec["job_id"]))
                job.submissions.append((command, spec, batch))
        for event in self.of("event"):
            if event["kind"] not in ANSWERS and not event["kind"].startswith("batch."):
                jobs.setdefault(event["key"], Job(event["key"])).events.append(event)
        for pod in self.of("pod"):
            if pod["job"] in jobs:
                jobs[pod["job"]].pods.append(pod)
        return jobs

    @functools.cached_property
    def answers(self):
        """ids of job.duplicate, job.cancel-refused and what is said of batches -> events"""
        found = collections.defaultdict(list)
        for event in self.of("event"):
            if event["kind"] in ANSWERS or event["kind"].startswith("batch."):
                found[event["id"]].append(event)
        return found

    def about_batch(self, batch_id):
        return [event for event in self.of("event") if event["key"] == batch_id and event["kind"].startswith("batch.")]

    def cancels(self, job):
        """The commands that ask for this job's end."""
        batches = {batch for _, _, batch in job.submissions if batch}
        return [
            command
            for command in self.of("command")
            if command["kind"] == "job.cancel"
            and (command["data"].get("job_id") == job.id or command["data"].get("batch_id") in batches)
        ]

    def amendments(self, job):
        """The commands that ask for a change of this job."""
        return [command for command in self.of("command") if command["kind"] == "job.amend" and command["key"] == job.id]

    def awakenings(self):
        """When a paused scheduler woke up: what it still did then has 10 s to converge."""
        return [fault["at"] for fault in self.of("fault") if fault["fault"] == "leader wakes up"]

    def story(self, subject):
        """Everything about a job (or batch), with the faults between, one line each."""
        job = self.jobs.get(subject)
        batches = {batch for _, _, batch in job.submissions} if job else set()
        names = {subject, *batches} - {None}
        found = [entry for entry in self.entries if _speaks_of(entry, names)]
        if not found:
            return "(nothing is known of it)"
        first, last = min(entry["at"] for entry in found) - 2, max(entry["at"] for entry in found) + 2
        found += [entry for entry in self.entries if entry["what"] in ("fault", "exit") and first <= entry["at"] <= last]
        return "\n".join(self.line(entry) for entry in sorted(found, key=lambda entry: entry["at"]))

    def line(self, entry):
        began = self.meta.get("began", 0)
        shown = {key: value for key, value in entry.items() if key not in ("at", "what", "data")}
        text = " ".join(f"{key}={value}" for key, value in shown.items() if value not in (None, "", False))
        data = entry.get("data")
        if isinstance(data, dict):
            kept = (
                "seq",
                "attempt",
                "state",
                "class",
                "message",
                "reason",
                "was",
                "node",
                "pod",
                "job_id",
                "batch_id",
                "errors",
            )
            text += " " + json.dumps({key: data[key] for key in kept if key in data}, ensure_ascii=False)[:600]
        return f"{entry['at'] - began:8.3f} {entry['what']:8} {text}"


class Job:
    """What the history says of one job."""

    def __init__(self, job_id):
        self.id = job_id
        self.submissions = []  # (command, spec, batch id or None), in the order of the log
        self.events = []  # of its life, in the order of the log, repetitions too
        self.pods = []  # changes

    @functools.cached_property
    def accepted(self):
        """Whether a valid command asked for it."""
        return any(command["intent"] == "valid" for command, _, _ in self.submissions)

    @functools.cached_property
    def life(self):
        """As a consumer takes it: what is not above the last seq is dropped."""
        last, steps = 0, []
        for event in self.events:
            if event["data"]["seq"] > last:
                last = event["data"]["seq"]
                steps.append(event)
        return steps

    @property
    def spec(self):
        valid = [spec for command, spec, _ in self.submissions if command["intent"] == "valid"]
        return valid[0] if valid else {}

    @property
    def batch(self):
        return self.submissions[0][2] if self.submissions else None


def _speaks_of(entry, names):
    if entry["what"] == "pod":
        return entry["job"] in names
    if entry["what"] == "command":
        data = entry["data"] if isinstance(entry["data"], dict) else {}
        return entry["key"] in names or data.get("batch_id") in names or data.get("job_id") in names
    if entry["what"] == "event":
        return entry["key"] in names
    return entry["what"] == "fault" and any(f"{name}-" in str(entry.get("pod", "")) for name in names)


def main():
    history = History.load(sys.argv[1])
    if len(sys.argv) > 2:
        print(history.story(sys.argv[2]))
    else:
        for entry in sorted(history.entries, key=lambda entry: entry["at"]):
            print(history.line(entry))


if __name__ == "__main__":
    main()
