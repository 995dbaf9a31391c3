"""The client: commands and reports that return once the broker keeps them, and what is told about them."""

import datetime
import itertools
import os
import re
import secrets
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from confluent_kafka import KafkaException, Message

from . import check, events, kafka
from .errors import Fault, InvalidInput, Unacknowledged
from .events import Event

# Of a part's JSON. Small ones, because whoever handles a part has several copies of it in memory and others wait meanwhile; a batch
# that needs too many of them gets the largest: below the 1 MB that a broker takes by default, with room for the envelope and headers.
_USUAL_PART_BYTES = 300_000
_MAX_PART_BYTES = 900_000
_MAX_PARTS = 100

_REMEMBERED = 100_000  # commands whose offset is known to wait()
_OUTCOMES = {f"{check.TYPE_PREFIX}{kind}.v1" for kind in ("job.succeeded", "job.failed", "job.cancelled", "batch.queued")}
_ACCEPTED = f"{check.TYPE_PREFIX}job.queued.v1"
_STEPS = {_ACCEPTED, *(f"{check.TYPE_PREFIX}{kind}.v1" for kind in ("job.rejected", "batch.rejected"))}


class Client:
    """Any thread; one for a process is enough. Use it in `with`, or close() it.

    What is left out comes from the environment that Oppen's programs read: OPPEN_KAFKA_BROKERS, OPPEN_KAFKA_PROPERTIES,
    OPPEN_TOPIC_PREFIX. `config` has any properties of librdkafka (TLS, SASL) and goes over it. Each call that publishes has `deadline`
    seconds for the broker's acknowledgement. It checks its input before and raises InvalidInput, and publishes nothing, where
    something is wrong; it raises Unacknowledged where the broker does not answer in time or refuses."""

    def __init__(
        self,
        bootstrap_servers: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        source: str = "/oppen/python",
        topic_prefix: str | None = None,
        deadline: float = 10.0,
    ) -> None:
        self._settings = kafka.properties(bootstrap_servers, config)
        self._source = source
        self._prefix = os.environ.get("OPPEN_TOPIC_PREFIX", "oppen.") if topic_prefix is None else topic_prefix
        self._deadline = deadline
        self._offsets: dict[str, int] = {}  # of the commands that submitted a job or batch
        self._offsets_lock = threading.Lock()
        self._closed = False
        self._producer = kafka.Acknowledged(self._settings)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives what is still in flight 5 seconds. Iterators end."""
        if not self._closed:
            self._closed = True
            self._producer.close()

    # What goes in.

    def submit(self, job: Mapping[str, Any]) -> str:
        """The job's id; made where the spec has none. The fields are those of schemas/json/job.submit.v1.schema.json."""
        spec = _plain(job)
        if isinstance(spec, dict):
            spec.setdefault("job_id", _make_id(str(spec.get("model_type", ""))))
        _check("job.submit.v1", spec)
        self._remember(spec["job_id"], self._publish("jobs", "job.submit.v1", spec, spec["job_id"], subject=spec["job_id"]))
        return str(spec["job_id"])

    def submit_batch(
        self, jobs: Iterable[Mapping[str, Any]], batch_id: str | None = None, *, max_total_microusd: int | None = None
    ) -> list[str]:
        """All or none. The jobs' ids, in order; jobs that have none get "<batch_id>-<place>". The scheduler rejects a batch that it
        estimates to cost more than max_total_microusd. Raises Unacknowledged with the batch's id."""
        batch_id = batch_id if batch_id is not None else _make_id("batch")
        batch = _plain({"batch_id": batch_id, "jobs": list(jobs), **_given(max_total_microusd=max_total_microusd)})
        specs = batch["jobs"]
        for place, spec in enumerate(specs, 1):
            if isinstance(spec, dict):
                spec.setdefault("job_id", f"{batch_id}-{place}")
        _check("batch.submit.v1", batch, _repeated_ids(specs))
        parts = _split([check.to_json(spec) for spec in specs])
        give_up_at = time.monotonic() + self._deadline
        first = 0
        for number, size in enumerate(parts, 1):
            part = {**batch, "jobs": specs[first : first + size], "part": number, "parts": len(parts)}
            offset = self._publish("jobs", "batch.submit.v1", part, batch_id, give_up_at=give_up_at)
            if number == 1:
                self._remember(batch_id, offset)
            first += size
        return [spec["job_id"] for spec in specs]

    def cancel(
        self, job_id: str | None = None, *, batch_id: str | None = None, requested_by: str | None = None, reason: str | None = None
    ) -> None:
        """A job, or all jobs of a batch, that wait or run."""
        command = _plain(_given(job_id=job_id, batch_id=batch_id, requested_by=requested_by, reason=reason))
        _check("job.cancel.v1", command)
        self._publish("jobs", "job.cancel.v1", command, job_id or batch_id or "", subject=job_id)

    def amend(self, job_id: str, changes: Mapping[str, Any], *, requested_by: str | None = None) -> None:
        """Changes priority, window, batch_size, spot or gpu_type of a job that waits."""
        command = _plain({"job_id": job_id, "changes": changes, **_given(requested_by=requested_by)})
        _check("job.amend.v1", command)
        self._publish("jobs", "job.amend.v1", command, job_id, subject=job_id)

    def report_progress(self, progress: Mapping[str, Any]) -> None:
        """A run has finished an epoch: the fields of run.progress.v1; `at` is now where it is left out."""
        report = _plain({"at": datetime.datetime.now(datetime.timezone.utc), **progress})
        _check("run.progress.v1", report)
        self._publish("runs", "run.progress.v1", report, report["job_id"], subject=report["job_id"])

    def report_completed(self, run: Mapping[str, Any]) -> None:
        """A run has ended: the fields of run.completed.v1. Reports of one job and attempt, or else of one run_id, count once."""
        report = _plain(run)
        _check("run.completed.v1", report)
        self._publish("runs", "run.completed.v1", report, report.get("job_id") or report["run_id"], subject=report.get("job_id"))

    # What comes out.

    def wait(self, id: str, timeout: float) -> Event:
        """The event that ends a job: data["state"] is succeeded, failed, cancelled or rejected. Of a batch's id the event that says
        whether it is taken: batch.queued or batch.rejected. Raises TimeoutError.

        Everything that is kept about the id counts, whoever submitted it. What was rejected may be submitted again, corrected: the
        rejection of an earlier command than this client's own is passed over."""
        return self.wait_all([id], timeout)[id]

    def wait_all(self, ids: Iterable[str], timeout: float) -> dict[str, Event]:
        """As wait, for many at once: the outcome of each. Reads the log once, so it is the way to wait for a batch's jobs."""
        give_up_at = time.monotonic() + timeout
        waiting = {id: self._offsets.get(id, -1) for id in ids}
        outcomes: dict[str, Event | None] = dict.fromkeys(waiting)
        rejected: dict[str, Event] = {}
        last_seq: dict[str, int] = {}
        reader = kafka.Reader(self._settings, f"{self._prefix}job-events")
        try:
            partitions = reader.partitions(timeout)
            reader.read_from_beginning({events.partition_of(id, partitions) for id in waiting})
            for message in reader.records(lambda: bool(waiting) and time.monotonic() < give_up_at and not self._closed):
                id = (message.key() or b"").decode(errors="replace") if message else ""
                if message and id in waiting and (event := _decoded(message)):
                    seq = event.data.get("seq", last_seq.get(id, 0) + 1)
                    if event.type in _OUTCOMES:
                        outcomes[id] = event
                        del waiting[id]
                    elif event.type in _STEPS and seq > last_seq.get(id, 0):  # else it comes a second time
                        last_seq[id] = seq
                        rejected.pop(id, None)
                        if event.type != _ACCEPTED and event.data.get("source_offset", waiting[id]) >= waiting[id]:
                            rejected[id] = event
                for id in [id for id, event in rejected.items() if event.partition in reader.ended]:
                    event = rejected.pop(id)
                    if waiting.pop(id, None) is not None:
                        outcomes[id] = event
        finally:
            reader.close()
        if waiting:
            named = ", ".join(itertools.islice(waiting, 5)) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
            raise TimeoutError(f"no outcome of {named} within {timeout} s (is the scheduler running?)")
        return {id: event for id, event in outcomes.items() if event is not None}

    def job_events(self, *, from_beginning: bool = False, group_id: str | None = None) -> Generator[Event, None, None]:
        """What happens to jobs and batches, as it happens, without end.

        From this call on, or from_beginning: all that is kept. With a group_id from where that consumer group is (from_beginning says
        where a new one begins), the partitions divided among its members; an event counts as handled when the next is asked for. A
        record that is no valid event is passed over, with a warning in the log. Each iterator belongs to one thread."""
        return self._follow("job-events", from_beginning, group_id)

    def costs(self, *, from_beginning: bool = False, group_id: str | None = None) -> Generator[Event, None, None]:
        """What attempts have cost, by interval (cost.accrued.v1). As job_events."""
        return self._follow("costs", from_beginning, group_id)

    def recommendations(self, *, from_beginning: bool = False, group_id: str | None = None) -> Generator[Event, None, None]:
        """Ways to save money (cost.recommendation.v1). As job_events."""
        return self._follow("recommendations", from_beginning, group_id)

    def alerts(self, *, from_beginning: bool = False, group_id: str | None = None) -> Generator[Event, None, None]:
        """What is not as it should be (alert.v1). As job_events."""
        return self._follow("alerts", from_beginning, group_id)

    def _follow(self, topic: str, from_beginning: bool, group_id: str | None) -> Generator[Event, None, None]:
        reader = kafka.Reader(self._settings, self._prefix + topic, group_id, "earliest" if from_beginning else "latest")
        if group_id is None:
            reader.read_all(from_beginning)  # now, not at the first next(): what the caller does after this call is seen
        else:
            reader.join()

        def read() -> Generator[Event, None, None]:
            try:
                for message in reader.records(lambda: not self._closed):
                    if message is not None and (event := _decoded(message)):
                        yield event
            finally:
                reader.close()

        return read()

    def _publish(
        self, topic: str, event_type: str, data: Any, key: str, *, subject: str | None = None, give_up_at: float | None = None
    ) -> int:
        if self._closed:
            raise ValueError("the client is closed")
        value = check.to_json(data)
        headers = events.encode(event_type, value, self._source, subject)
        try:
            return self._producer.publish(
                self._prefix + topic, key, value, headers, give_up_at or time.monotonic() + self._deadline
            )
        except (TimeoutError, KafkaException) as error:
            raise Unacknowledged(key, f"topic {self._prefix}{topic}: {error}") from error

    def _remember(self, id: str, offset: int) -> None:
        with self._offsets_lock:
            self._offsets[id] = offset
            if len(self._offsets) > _REMEMBERED:
                del self._offsets[next(iter(self._offsets))]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    faults: list[Fault] = []
    plain = check.plain(value, faults)
    if faults:
        raise InvalidInput(faults)
    return plain


def _check(event_type: str, data: Any, more: Sequence[Fault] = ()) -> None:
    if faults := [*check.faults(event_type, data), *more]:
        raise InvalidInput(faults)


def _decoded(message: Message) -> Event | None:
    try:
        return events.decode(message)
    except events.Malformed as error:
        place = f"{message.topic()}[{message.partition()}] at offset {message.offset()}"
        kafka.log.warning("passed over the record in %s: %s", place, error)
        return None


def _make_id(model_type: str) -> str:
    """Such as resnet50-20260103-181500-k3v7q2mb."""
    model = re.sub("[^a-z0-9]", "-", model_type[:25].lower()).lstrip("-") or "job"
    suffix = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(8))
    return f"{model}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{suffix}"


def _repeated_ids(specs: Sequence[Any]) -> list[Fault]:
    faults, seen = [], set()
    for index, spec in enumerate(specs):
        job_id = spec.get("job_id") if isinstance(spec, dict) else None
        if isinstance(job_id, str) and job_id in seen:
            path = f"jobs[{index}].job_id"
            faults.append(Fault(path, check.shown(path, job_id), "an id that no other job of the batch has"))
        seen.add(str(job_id))
    return faults


def _split(specs: Sequence[bytes], part_bytes: int = _USUAL_PART_BYTES) -> list[int]:
    """How many jobs each part has."""
    sizes, used = [0], 0
    for index, spec in enumerate(specs):
        size = len(spec) + 1  # and a comma
        if size > _MAX_PART_BYTES:
            raise InvalidInput([Fault(f"jobs[{index}]", f"of {size} bytes", f"at most {_MAX_PART_BYTES}")])
        if used > 0 and used + size > part_bytes:
            sizes.append(0)
            used = 0
        sizes[-1] += 1
        used += size
    if len(sizes) <= _MAX_PARTS:
        return sizes
    if part_bytes < _MAX_PART_BYTES:
        return _split(specs, _MAX_PART_BYTES)
    raise InvalidInput([Fault("jobs", f"of {len(sizes)} records", f"at most {_MAX_PARTS}: submit it as several batches")])
