"""Kafka as the client uses it: a producer that waits for the broker's word, and readers of a topic."""

import concurrent.futures
import contextlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

log = logging.getLogger("oppen")

# Errors that waiting doesn't mend; of all others librdkafka recovers by itself.
_LASTING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,
}
_POLL_SECONDS = 0.25  # how late a closed client, or Ctrl-C, is noticed
_ANSWER_SECONDS = 10.0  # for a broker to say what partitions a topic has, and how far they go


def properties(bootstrap_servers: str | None, config: Mapping[str, Any] | None) -> dict[str, Any]:
    """librdkafka's: the arguments go over the environment, and that over our defaults. Passwords may be among them: never log them."""
    merged: dict[str, Any] = {
        "bootstrap.servers": os.environ.get("OPPEN_KAFKA_BROKERS", "127.0.0.1:9092"),
        "client.id": "oppen-python",
        "socket.nagle.disable": True,
        "log.connection.close": False,
        "reconnect.backoff.max.ms": 2000,
        "topic.metadata.propagation.max.ms": 5000,  # how long a topic may be missing before it is an error
        "logger": log,
        **_from_environment(),
    }
    if bootstrap_servers is not None:
        merged["bootstrap.servers"] = bootstrap_servers
    return {**merged, **(config or {})}


def _from_environment() -> dict[str, str]:
    """OPPEN_KAFKA_PROPERTIES: name=value;name=value."""
    found = {}
    for number, part in enumerate(os.environ.get("OPPEN_KAFKA_PROPERTIES", "").split(";"), 1):
        name, equals, value = part.partition("=")
        if part.strip() and not (equals and name.strip()):
            # The part itself is not shown: it may hold a password.
            raise ValueError(f"part {number} of OPPEN_KAFKA_PROPERTIES has no name before a '=': expected name=value;name=value")
        if part.strip():
            found[name.strip()] = value.strip()
    return found


class Acknowledged:
    """A producer whose calls return once the broker keeps the record. Any thread."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._producer = Producer(
            {
                "enable.idempotence": True,
                "acks": "all",
                "compression.codec": "lz4",
                "linger.ms": 1,
                "partitioner": "murmur2_random",  # the Java client's: topics are joined by partition
                "message.max.bytes": 4_000_000,  # the broker decides per topic
                "queue.buffering.max.kbytes": 32_768,
                "message.timeout.ms": 60_000,
                **settings,
            }
        )
        self._closing = False
        self._poller = threading.Thread(target=self._serve, name="oppen-kafka", daemon=True)
        self._poller.start()

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes], give_up_at: float) -> int:
        """The record's offset. Raises TimeoutError or KafkaException with the reason."""
        answer: concurrent.futures.Future[int] = concurrent.futures.Future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                answer.set_result(message.offset() or 0)
            else:
                answer.set_exception(KafkaException(error))

        try:
            self._producer.produce(topic, value, key, headers=list(headers.items()), on_delivery=delivered)
            return answer.result(max(0.0, give_up_at - time.monotonic()))
        except BufferError:
            raise TimeoutError("too much is waiting for the broker already") from None
        except concurrent.futures.TimeoutError:
            raise TimeoutError("the broker has not answered in time (are the brokers of bootstrap_servers up?)") from None

    def close(self) -> None:
        self._producer.flush(5)
        self._closing = True
        self._poller.join()

    def _serve(self) -> None:
        while not self._closing:
            self._producer.poll(0.1)


class Reader:
    """The records of one topic. One thread."""

    def __init__(self, settings: Mapping[str, Any], topic: str, group_id: str | None = None, reset: str = "earliest") -> None:
        self.topic = topic
        self.ended: set[int] = set()  # partitions that have been read to their end at some time
        self._consumer = Consumer(
            {
                "enable.partition.eof": True,
                "partition.assignment.strategy": "range",
                "queued.max.messages.kbytes": 8_192,
                **settings,
                "group.id": group_id or f"oppen-python-{uuid.uuid4()}",  # librdkafka wants one, also where nothing is committed
                "enable.auto.commit": group_id is not None,
                "enable.auto.offset.store": False,  # we say what has been handled
                "auto.offset.reset": reset,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def partitions(self, timeout: float = _ANSWER_SECONDS) -> int:
        try:
            metadata = self._consumer.list_topics(self.topic, timeout=timeout).topics[self.topic]
        except KafkaException as error:
            raise TimeoutError(f"topic {self.topic}: {error} (are the brokers of bootstrap_servers up?)") from error
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        return len(metadata.partitions)

    def join(self) -> None:
        """Reads as one of its group, from where the group is."""
        self._consumer.subscribe([self.topic])

    def read_all(self, from_beginning: bool) -> None:
        """Reads every partition, from the beginning or from what comes after this call."""
        places = [TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in range(self.partitions())]
        if not from_beginning:
            for place in places:
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)[1]
        self._consumer.assign(places)

    def read_from_beginning(self, numbers: Iterable[int]) -> None:
        """Reads these partitions from their beginning."""
        self._consumer.assign([TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in numbers])

    def records(self, goes_on: Callable[[], bool]) -> Iterator[Message | None]:
        """Records as they come while goes_on(), and None whenever a partition has been read to its end. A record counts as handled,
        for the group, when the next is asked for."""
        while goes_on():
            message = self._consumer.poll(_POLL_SECONDS)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
                with contextlib.suppress(KafkaException):  # the partition is another member's by now
                    self._consumer.store_offsets(message=message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.ended.add(message.partition() or 0)
                yield None
            elif error.fatal() or error.code() in _LASTING:
                raise KafkaException(error)
