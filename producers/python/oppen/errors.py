"""What a call can fail with, besides TimeoutError and what confluent_kafka itself raises."""

import dataclasses
from collections.abc import Sequence

SHOWN = 20  # faults in a message; the exception has them all


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input."""

    path: str  # such as "jobs[3].resources.cpu"; empty: the whole
    value: str | None  # as JSON, shortened; None: the field is missing
    expected: str

    def __str__(self) -> str:
        state = "missing" if self.value is None else self.value
        return f"{self.path or 'the whole'} is {state}: expected {self.expected}"


class InvalidInput(ValueError):
    """Nothing was published. `faults` names each thing that is wrong."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        more = len(self.faults) - SHOWN
        super().__init__("; ".join(map(str, self.faults[:SHOWN])) + (f"; and {more} more" if more > 0 else ""))


class Unacknowledged(Exception):
    """The broker has not said that it keeps the record, which may yet arrive. To repeat the call with this `id` is safe: an id is
    taken once, however often it comes."""

    def __init__(self, id: str, reason: str) -> None:
        self.id = id
        super().__init__(f"{id} is not acknowledged: {reason}. It may still arrive; repeating the call with the same id is safe")
