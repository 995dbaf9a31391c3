"""The experiments: what is varied, and which figures tell of it. The first row of each is what the others are held against."""

import dataclasses
import datetime
import math
import time
from typing import Callable

from stack import Failed, moment, now, off_peak_window, oppen, set_off_peak_window, wait_for


@dataclasses.dataclass
class Experiment:
    name: str
    title: str
    measure: Callable  # of a Bench; the Runs, in the order of the rows
    columns: tuple  # beside time and cost; see page.py
    repeats: int = 1
    by_hour: bool = False  # what is held against the first: the cost of an hour, where it alone is varied, else the cost


EPOCHS = 120


def batch_size(bench):
    """The length of a step grows with the batch, as is usual, so that an epoch learns as much."""
    for size in (1, 8, 64, 256):
        yield bench.train(f"batch {size}", "--learning-rate", str(0.05 * size / 64), epochs=EPOCHS, batch_size=size)


def early_stopping(bench):
    yield bench.train("100 epochs", epochs=100)
    for patience in ("10", "5"):
        yield bench.train(f"patience {patience}", "--patience", patience, epochs=100)


def precision(bench):
    for name in ("fp64", "fp32", "bf16"):
        yield bench.train(name, epochs=EPOCHS, env={"PRECISION": name})


def off_peak(bench):
    """The window is set to open soon: a run before it, and one that is held until it opens."""
    before = off_peak_window()
    opens = (now() + datetime.timedelta(seconds=120)).replace(second=0, microsecond=0)
    window = f"{opens:%H:%M}-{opens + datetime.timedelta(hours=1):%H:%M} UTC"
    try:
        set_off_peak_window(window)
        wait_for(f"scheduler that knows of the window {window}", lambda: opens_at(opens), 30)
        run = bench.train("at once", epochs=EPOCHS)
        if moment(run.ended[0]["ended_at"]) > opens:
            raise Failed(f"the run at once ended only after the window {window} had opened: the machine is too busy")
        yield run
        run = bench.train("window off_peak", epochs=EPOCHS, window="off_peak")
        job = run.ended[0]
        run.seen["held_seconds"] = (moment(job["started_at"]) - moment(job["submitted_at"])).total_seconds()
        yield run
    finally:
        set_off_peak_window(before)


def opens_at(opens):
    """Whether a job that waits for the window would start then, by the scheduler."""
    answer = oppen("simulate", "-", stdin='[{"model_type": "digits", "window": "off_peak"}]')
    starts = answer["jobs"][0].get("start_p50")
    return starts and opens <= moment(starts) < opens + datetime.timedelta(minutes=1)


def right_size(bench):
    def train(label, gpus, cpu, memory):
        return bench.train(label, epochs=EPOCHS, resources={"gpus": gpus, "cpu": cpu, "memory": memory})

    yield train("1 GPU, 2 cores, 4Gi", 1, "2", "4Gi")
    yield train("1 GPU, 1 core, 64Mi", 1, "1", "64Mi")
    if bench.real:  # nothing holds a simulated pod back
        yield train("1 GPU, half a core, 64Mi", 1, "500m", "64Mi")
    yield train("no GPU, 1 core, 64Mi", 0, "1", "64Mi")


LEARN = 40  # epochs, before the first answer


def request_batching(bench):
    """Requests of the same time: each answered as it comes, and collected and answered by jobs of low priority."""
    seconds, rate = (6, 50) if bench.quick else (30, 20)
    asked = ["--requests", str(seconds * rate), "--requests-per-second", str(rate)]
    yield bench.train("urgent, at once", *asked, epochs=LEARN, workload_type="inference", priority="urgent")
    for batches in (3, 1):
        yield collected(bench, batches, seconds, rate)


def collected(bench, batches, seconds, rate):
    began, share, jobs = now(), seconds * rate // batches, []
    for number in range(1, batches + 1):
        closes = began + datetime.timedelta(seconds=seconds * number / batches)
        time.sleep(max(0.0, (closes - now()).total_seconds()))  # the requests come
        jobs.append(bench.submit("--requests", str(share), epochs=LEARN, workload_type="batch", priority="background"))
    run = bench.finish("background, a batch" if batches == 1 else f"background, {batches} batches", jobs)
    latencies = []
    for number, job in enumerate(run.ended):
        ended = (moment(job["ended_at"]) - began).total_seconds()
        latencies += [(ended - (number * share + i) / rate) * 1000 for i in range(share)]
    latencies.sort()
    for percent in (50, 99):
        run.seen[f"latency_p{percent}_ms"] = latencies[math.ceil(len(latencies) * percent / 100) - 1]
    return run


def gpu_type(bench):
    if not bench.simulated:
        return
    seconds = 2 if bench.quick else 20
    resources = {"gpus": 1, "cpu": "1", "memory": "2Gi"}
    yield bench.simulate("V100", seconds, resources={**resources, "gpu_type": "V100"})
    yield bench.simulate("A100, half the time", seconds // 2, resources={**resources, "gpu_type": "A100"})


QUALITY = ("CPU time", "accuracy")
EXPERIMENTS = (
    Experiment("batch_size", "Batch size", batch_size, QUALITY, 3),
    Experiment("early_stopping", "Early stopping", early_stopping, ("epochs", *QUALITY), 3),
    Experiment("precision", "Precision", precision, QUALITY, 3),
    Experiment("off_peak", "Off-peak", off_peak, ("an hour", "held for", "accuracy"), by_hour=True),
    Experiment("right_size", "Right-sizing", right_size, ("an hour", "memory used", *QUALITY), 3),
    Experiment("request_batching", "Request batching", request_batching, ("per 1,000", "latency p50", "latency p99")),
    Experiment("gpu_type", "GPU type (simulated)", gpu_type, ("an hour",)),
)
