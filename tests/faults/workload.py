"""A random workload, the same for the same seed: what is sent, in which order, and what the sender means by it."""

import dataclasses
import json
import random

SMALL = {"gpus": 0, "cpu": "100m", "memory": "64Mi"}
INTENT = "oppen_tests_intent"  # a header of ours on each command, by which the checker knows what was meant
DEEP = b'{"job_id":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


@dataclasses.dataclass
class Command:
    kind: str  # job.submit, batch.submit, job.cancel, job.amend; "" for what is no event
    key: str
    data: object  # bytes for what is no event
    intent: str = "valid"  # invalid: to be rejected; poison: to be set aside
    event_id: str = ""
    headers: tuple = ()  # of what is no event


@dataclasses.dataclass
class Later:
    """A cancel or amendment that is sent once its job has got so far."""

    command: Command
    job_id: str
    after: str  # an event of the job


class Workload:
    """`steps` are lists of commands that are produced together; `later` goes by what happens. With `features` some jobs wait for
    the off-peak window, some ask for a spot node, and some are amended."""

    def __init__(self, seed, count, features):
        self._features = features
        self._draw = random.Random(f"workload {seed}")
        self._prefix = f"s{seed}"
        self._number = 0
        self.steps = []
        self.later = []
        self._make(count)
        self._send_some_twice()
        self._reorder()
        self.job_ids = sorted({job_id for step in self.steps for command in step for job_id in _ids(command)})

    # Jobs.

    def _spec(self):
        draw = self._draw
        self._number += 1
        spec = {
            "job_id": f"{self._prefix}-{self._number}",
            "model_type": draw.choice(("mnist", "bert", "resnet50")),
            "priority": draw.choice(("urgent", "normal", "normal", "background")),
            "resources": dict(SMALL),
            "team": draw.choice(("vision", "speech")),
            "env": {"SIMULATED_DURATION": f"{int(1000 * draw.choice((0.1, 0.3, 0.5, 1, 1, 2, 3)) * draw.uniform(0.7, 1.3))}ms"},
        }
        if user := draw.choice(("kim", "ana", None)):
            spec["user"] = user
        if draw.random() < 0.5:
            spec["max_runtime_seconds"] = 600  # by this a job can pass others, where backfill is on
        chance = draw.random()
        if chance < 0.10:
            spec["env"]["SIMULATED_EXIT_CODE"] = "1"
            spec["max_retries"] = draw.choice((0, 1, 2))
        elif chance < 0.12:
            spec["resources"].update(gpus=1, gpu_type="H900")  # no node has one: it can't start
        elif chance < 0.22:
            spec["resources"]["gpus"] = 1  # the quota holds 2 of them, 1 of those for background jobs
        elif chance < 0.40:
            spec["max_retries"] = 2
        if self._features:
            if draw.random() < 0.15:
                spec["window"] = "off_peak"
            if draw.random() < 0.15 and not spec["resources"]["gpus"]:
                spec["spot"] = True
        return spec

    def _make(self, count):
        draw = self._draw
        while self._number < count:
            left = count - self._number
            chance = draw.random()
            if chance < 0.10 and left >= 3:
                self._batch(draw.randint(3, min(20, left)))
            elif chance < 0.14:
                self._corrected()
            elif chance < 0.20:
                self._poison()
            else:
                spec = self._spec()
                self._send(Command("job.submit", spec["job_id"], spec))
                if draw.random() < 0.12:
                    self._cancel(spec["job_id"])
                if self._features and draw.random() < 0.25:
                    self._amend(spec["job_id"])
        self._unknown_cancel()

    def _batch(self, size):
        draw = self._draw
        specs = [self._spec() for _ in range(size)]
        batch_id = f"{specs[0]['job_id']}-batch"
        for before, spec in zip(specs, specs[1:]):
            if draw.random() < 0.25:
                spec["after"] = [before["job_id"]]
        intent = "valid"
        if draw.random() < 0.2:
            specs[draw.randrange(size)]["epochs"] = 0
            intent = "invalid"
        if draw.random() < 0.3 and intent == "valid":
            half = size // 2
            for part, jobs in ((1, specs[:half]), (2, specs[half:])):
                self._send(Command("batch.submit", batch_id, {"batch_id": batch_id, "jobs": jobs, "part": part, "parts": 2}))
        else:
            self._send(Command("batch.submit", batch_id, {"batch_id": batch_id, "jobs": specs}, intent))
        if intent == "valid" and draw.random() < 0.2:
            data = {"batch_id": batch_id, "requested_by": "tests"}
            self.later.append(Later(Command("job.cancel", batch_id, data), draw.choice(specs)["job_id"], "launched"))

    def _corrected(self):
        """A wrong job, and the right one under the same id."""
        spec = self._spec()
        self._send(Command("job.submit", spec["job_id"], {**spec, "epochs": 0}, "invalid"))
        self._send(Command("job.submit", spec["job_id"], spec))

    def _cancel(self, job_id):
        command = Command("job.cancel", job_id, {"job_id": job_id, "requested_by": "tests", "reason": "a test"})
        after = self._draw.choice(("", "queued", "launched", "started"))
        if after:
            self.later.append(Later(command, job_id, after))
        else:
            self._send(command)

    def _amend(self, job_id):
        changes = self._draw.choice(
            ({"priority": "urgent"}, {"priority": "background"}, {"batch_size": 32}, {"priority": "normal", "batch_size": 128})
        )
        command = Command("job.amend", job_id, {"job_id": job_id, "changes": changes, "requested_by": "tests"})
        self.later.append(Later(command, job_id, self._draw.choice(("queued", "queued", "requeued", "started"))))

    def _unknown_cancel(self):
        job_id = f"{self._prefix}-unknown"
        self._send(Command("job.cancel", job_id, {"job_id": job_id, "requested_by": "tests"}))

    def _poison(self):
        submit = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/t"), ("ce_type", b"dev.oppen.job.submit.v1"))
        value, headers = self._draw.choice(
            (
                (b"urgent, please", submit),
                (b"\xff\x00\xfe" * 100, ()),
                (b"", submit),
                (b'{"job_id":7,"model_type":["mnist"]}', submit),
                (json.dumps({"job_id": "x" * 800_000}).encode(), submit),
                (DEEP, submit),
                (b'{"job_id":"a"}', (*submit[:3], ("ce_type", b"dev.oppen.job.launch.v9"))),
                (b'{"jobs":{}}', (*submit[:3], ("ce_type", b"dev.oppen.batch.submit.v1"))),
            )
        )
        self._send(Command("", "poison", value, "poison", headers=headers))

    # The order.

    def _send(self, command):
        command.event_id = f"{self._prefix}/{len(self.steps)}"
        self.steps.append([command])

    def _send_some_twice(self):
        """Every tenth, a little later."""
        for place in range(9, len(self.steps), 10):
            self.steps[min(len(self.steps) - 1, place + self._draw.randrange(4))].append(self.steps[place][0])

    def _reorder(self):
        """Producers that overtake each other, and several commands at once."""
        for place in range(len(self.steps) - 1):
            if self._draw.random() < 0.15:
                self.steps[place], self.steps[place + 1] = self.steps[place + 1], self.steps[place]
        together, steps = [], []
        for step in self.steps:
            together += step
            if self._draw.random() < 0.5:
                steps.append(together)
                together = []
        self.steps = [*steps, together] if together else steps


def _ids(command):
    """Of the jobs that a valid command submits."""
    if command.intent != "valid":
        return []
    if command.kind == "job.submit":
        return [command.data["job_id"]]
    return [spec["job_id"] for spec in command.data["jobs"]] if command.kind == "batch.submit" else []
