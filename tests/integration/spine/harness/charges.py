"""The charges on the topic costs, as whoever adds them up takes them: what comes again under the same id is dropped."""

import collections
import dataclasses

from .prices import milliseconds

GRID = 30_000


@dataclasses.dataclass
class Account:
    """Of one attempt."""

    gpu: int = 0
    cpu: int = 0
    memory: int = 0
    total: int = 0
    start: int = 0
    until: int = 0
    final: bool = False
    events: list = dataclasses.field(default_factory=list)


def charges(bus):
    """The records that are charges: anybody can put anything on a topic."""
    for record in bus.records("oppen.costs"):
        if record.readable and record.type == "cost.accrued" and "total_microusd" in record.data:
            yield record


def accounts(bus, wanted=lambda job_id: True):
    """By (job id, attempt). Fails where an id means two things, an interval is charged twice or left out, or crosses the grid."""
    seen, found = {}, collections.defaultdict(Account)
    for record in charges(bus):
        data = record.data
        if not wanted(data.get("job_id", "")):
            continue
        if record.id in seen:
            assert seen[record.id] == data, f"{record.id} means two things"
            continue
        seen[record.id] = data
        take(found[data["job_id"], data["attempt"]], data, record)
    return found


def by_day(bus):
    """(gpu, cpu, memory) of everything that was ever charged, by the day of UTC in which it began: {"2026-01-03": (1, 2, 3)}."""
    days = collections.defaultdict(lambda: [0, 0, 0])
    for data in {record.id: record.data for record in charges(bus)}.values():
        day = days[data["interval_start"][:10]]
        for place, part in enumerate(("gpu", "cpu", "memory")):
            day[place] += data[f"{part}_microusd"]
    return {day: tuple(amounts) for day, amounts in days.items()}


def take(account, data, record):
    start, end = milliseconds(data["interval_start"]), milliseconds(data["interval_end"])
    assert record.key == data["job_id"] and record.id.startswith(f"{data['job_id']}/{data['attempt']}/")
    assert data["total_microusd"] == data["gpu_microusd"] + data["cpu_microusd"] + data["memory_microusd"]
    if data.get("correction"):
        account.until = start
    else:
        assert not account.events or start == account.until, f"{record.id} does not follow on {account.until}"
        assert start // GRID == max(start, end - 1) // GRID, f"{record.id} crosses the grid"
        assert data["total_microusd"] >= 0, record.id
        account.start = account.start if account.events else start
        account.until = end
    account.gpu += data["gpu_microusd"]
    account.cpu += data["cpu_microusd"]
    account.memory += data["memory_microusd"]
    account.total += data["total_microusd"]
    account.final = data.get("final", False)
    account.events.append(data)
