"""Runs the cases of the experiments and brings together what was measured of each."""

import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid

from stack import Failed, charged, finish, has_nodes, submit

TRAINER = "digits-trainer"
PATIENCE = 900  # seconds for one job


@dataclasses.dataclass
class Run:
    """One way to do the work, done once: its jobs, as they have ended, and what was seen of them from outside."""

    label: str
    jobs: list
    ended: list
    seen: dict = dataclasses.field(default_factory=dict)
    cost_microusd: int = 0
    seconds: float = 0  # billed, of all its jobs

    @property
    def metrics(self):
        """What the last of them reported."""
        return self.ended[-1].get("metrics", {})

    def as_json(self):
        figures = {name: self.metrics[name] for name in self.metrics if name != "epoch_seconds"} | self.seen
        return {"jobs": self.jobs, "cost_microusd": self.cost_microusd, "seconds": self.seconds, "figures": figures}


@dataclasses.dataclass
class Row:
    """The runs of one label; `value` is the median of them."""

    label: str
    runs: list

    def value(self, of):
        known = [value for run in self.runs if (value := of(run)) is not None]
        return statistics.median(known) if known else None

    def spread(self, of):
        return min(map(of, self.runs)), max(map(of, self.runs))


@dataclasses.dataclass
class Result:
    experiment: object
    rows: list

    def as_json(self):
        rows = [{"label": row.label, "runs": [run.as_json() for run in row.runs]} for row in self.rows]
        return {"experiment": self.experiment.name, "rows": rows}


class Bench:
    """`real`: the trainer runs in real containers. Else it runs here first, and a simulated pod takes as long and reports the same."""

    def __init__(self, quick):
        self.quick = quick
        self.real = has_nodes("oppen.dev/node=real")
        self.simulated = has_nodes("type=kwok")
        self.project = f"experiments-{uuid.uuid4().hex[:8]}"
        if not self.real and not shutil.which(TRAINER):
            raise Failed(f"the stack has no real node, and {TRAINER} is not on PATH: source deploy/local/env")

    def run(self, experiments):
        """One after the other, so that no run slows another down; the runs of an experiment in turn, as the machine's load changes."""
        results = []
        for experiment in experiments:
            runs = {}
            for _ in range(1 if self.quick else experiment.repeats):
                for run in experiment.measure(self):
                    print(f"{experiment.name}: {run.label}: {' '.join(run.jobs)}", file=sys.stderr, flush=True)
                    runs.setdefault(run.label, []).append(run)
            if runs:
                results.append(Result(experiment, [Row(label, of_label) for label, of_label in runs.items()]))
        self._settle([run for result in results for row in result.rows for run in row.runs])
        return results

    def submit(self, *arguments, **fields):
        """A job of the trainer with these arguments; fields of the job spec are laid over what all have. Its id."""
        # Large enough for runs that are billed in whole seconds.
        args = ["--hidden", "256" if self.quick else "1024", *arguments]
        spec = {"model_type": "digits", "batch_size": 64, "resources": {"gpus": 1, "cpu": "1", "memory": "256Mi"}}
        spec |= {"team": "experiments", "project": self.project, "args": args, "max_retries": 0} | fields
        if not self.real:
            spec["env"] = {**spec.get("env", {}), **self._rehearsed(spec)}
        return submit(spec)

    def train(self, label, *arguments, **fields):
        return self.finish(label, [self.submit(*arguments, **fields)])

    def simulate(self, label, seconds, **fields):
        """A pod on a simulated node that takes so long and computes nothing."""
        env = {"SIMULATED_DURATION": f"{seconds}s"}
        job_id = submit({"model_type": "mnist", "team": "experiments", "project": self.project, "env": env} | fields)
        return self.finish(label, [job_id])

    def finish(self, label, jobs):
        """Once they have all succeeded."""
        ended = [finish(job_id, PATIENCE) for job_id in jobs]
        return Run(label, jobs, ended)

    def _rehearsed(self, spec):
        """Runs the trainer as a pod would: how long that took and what it reported, for a simulated pod."""
        variables = {**spec.get("env", {}), "OPPEN_EPOCHS": str(spec["epochs"]), "OPPEN_BATCH_SIZE": str(spec["batch_size"])}
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "termination-log"
            command = ["bash", "-c", 'TIMEFORMAT=%R; time "$@" >/dev/null', "time", TRAINER, *spec["args"], "--termination-log", log]
            done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Failed(f"{TRAINER} {' '.join(spec['args'])}: {done.stderr}")
            return {"SIMULATED_DURATION": f"{done.stderr.split()[-1]}s", "SIMULATED_METRICS": json.dumps(json.loads(log.read_text()))}

    def _settle(self, runs):
        """What the jobs have cost, by the books."""
        rows = charged([job_id for run in runs for job_id in run.jobs])
        for run in runs:
            mine = [rows[job_id] for job_id in run.jobs]
            run.cost_microusd = sum(row["total_microusd"] for row in mine)
            run.seconds = sum(row["run"]["run_seconds"] for row in mine)
