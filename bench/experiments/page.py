"""The figures as a table: for the terminal, and for the page between its markers."""

import datetime
import os
import platform

from stack import Failed

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def metric(name):
    return lambda run: run.seen.get(name, run.metrics.get(name))


def requests(run):
    """Answered by all the jobs of the run, which share them evenly."""
    return run.metrics["requests"] * len(run.jobs)


def cost_of(run):
    return run.cost_microusd


def hourly(run):
    return run.cost_microusd / run.seconds * 3600e-6 if run.seconds else None


# What a column shows of a run, and how.
COLUMNS = {
    "CPU time": (metric("cpu_seconds"), "{:.1f} s"),
    "accuracy": (metric("accuracy"), "{:.2%}"),
    "epochs": (metric("epochs"), "{:.0f}"),
    "an hour": (hourly, "${:.3f}"),
    "held for": (metric("held_seconds"), "{:.0f} s"),
    "memory used": (metric("memory_peak_mb"), "{:.0f} MiB"),
    "per 1,000": (lambda run: run.cost_microusd / requests(run) * 1e-3, "${:.6f}"),
    "latency p50": (metric("latency_p50_ms"), "{:,.1f} ms"),
    "latency p99": (metric("latency_p99_ms"), "{:,.1f} ms"),
}


def machine(bench):
    where = "real containers on the node's CPU" if bench.real else "this machine's CPU, replayed by simulated pods of the same length"
    load = os.getloadavg()[0]
    return (
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({processor()}), load average {load:.1f} "
        f"at the start. The trainer ran in {where}; no GPU took part."
    )


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def cells(experiment, rows):
    """The header, then a line for each row."""
    held = hourly if experiment.by_hour else cost_of
    yield [experiment.title, "time", "cost", "hour against the first" if experiment.by_hour else "against the first", *experiment.columns]
    first = rows[0].value(held)
    for row in rows:
        least, most = row.spread(lambda run: run.seconds)
        seconds = f"{row.value(lambda run: run.seconds):.0f} s" + (f" ({least:.0f} to {most:.0f})" if least != most else "")
        against = f"{row.value(held) / first - 1:+.0%}" if row is not rows[0] and first and row.value(held) is not None else ""
        line = [row.label, seconds, f"${row.value(cost_of) / 1e6:.6f}", against]
        for column in experiment.columns:
            of, shape = COLUMNS[column]
            value = row.value(of)
            line.append("" if value is None else shape.format(value))
        yield line


def as_text(results):
    blocks = []
    for result in results:
        table = list(cells(result.experiment, result.rows))
        widths = [max(map(len, column)) for column in zip(*table)]
        blocks.append("\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in table))
    return "\n\n".join(blocks)


def as_markdown(head, results):
    blocks = [head]
    for result in results:
        header, *lines = cells(result.experiment, result.rows)
        blocks.append("\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *lines]))
    return "\n\n".join(blocks)


def around(path):
    """What stands before and behind the figures of the page, with the markers."""
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise Failed(f"{path} has no '{BEGIN}' with '{END}' behind it")
    return before + begin, end + after


def write_between(path, text):
    """Replaces what stands between the markers of the page."""
    before, after = around(path)
    path.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")
