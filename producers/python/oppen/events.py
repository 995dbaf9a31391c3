"""Events, to and from Kafka records: CloudEvents 1.0, written in binary mode, read in both modes."""

import dataclasses
import datetime
import uuid
from typing import Any

from cloudevents.core.bindings import kafka as binding
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Message

from . import check


@dataclasses.dataclass(frozen=True)
class Event:
    """Delivery is at least once: drop an `id` that you have seen, or of a job's events what is not above the last data["seq"]."""

    type: str  # such as "dev.oppen.job.succeeded.v1"
    id: str
    time: datetime.datetime
    data: dict[str, Any]  # as the schema of its type says
    source: str
    subject: str | None
    topic: str
    partition: int
    offset: int


class Malformed(ValueError):
    """A record is no valid event."""


def encode(event_type: str, value: bytes, source: str, subject: str | None) -> dict[str, bytes]:
    """The headers of the record that has this value."""
    attributes = {
        "id": uuid.uuid4().hex,
        "source": source,
        "type": check.TYPE_PREFIX + event_type,
        "time": datetime.datetime.now(datetime.timezone.utc),
        "datacontenttype": "application/json",
    }
    return binding.to_binary_event(CloudEvent({**attributes, "subject": subject} if subject else attributes, value)).headers


def decode(message: Message) -> Event:
    """Raises Malformed."""
    record_time = datetime.datetime.fromtimestamp(message.timestamp()[1] / 1000, datetime.timezone.utc)

    def with_time(attributes: dict[str, Any], data: Any) -> CloudEvent:
        return CloudEvent({"time": record_time, **attributes}, data)  # it may be absent, and would be the time of reading then

    try:
        headers = {name: value for name, value in dict(message.headers() or ()).items() if isinstance(value, bytes)}
        record = binding.KafkaMessage(headers, None, message.value() or b"")
        structured = headers.get("content-type", b"").startswith(b"application/cloudevents")
        event = (binding.from_structured if structured else binding.from_binary)(record, JSONFormat(), with_time)
    except Exception as error:  # what comes from outside can be anything, and so is what the codec raises for it
        raise Malformed(f"no CloudEvent: {type(error).__name__}: {error}") from error
    data = event.get_data()
    if not isinstance(data, dict):
        raise Malformed("its data is no JSON object")
    if found := check.faults(event.get_type().removeprefix(check.TYPE_PREFIX), data):
        raise Malformed("; ".join(map(str, found[:3])))
    return Event(
        event.get_type(),
        event.get_id(),
        event.get_time() or record_time,
        data,
        event.get_source(),
        event.get_subject(),
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
    )


def partition_of(key: str, partitions: int) -> int:
    """As Kafka's Java client puts a key, and everybody here: by murmur2."""
    data, mask = key.encode(), 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * 0x5BD1E995 & mask
        h = h * 0x5BD1E995 & mask ^ (k ^ k >> 24) * 0x5BD1E995 & mask
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * 0x5BD1E995 & mask
    h = (h ^ h >> 13) * 0x5BD1E995 & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % partitions
