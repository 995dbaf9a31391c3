"""Proves over a real broker that foreign clients read what we write and we read what they write, in both modes of
CloudEvents, and that their keys fall on the partitions that we expect."""

import datetime
import os
import time
import uuid

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from conftest import event_tool, examples

PARTITIONS = 12
DEADLINE_SECONDS = 60
TIME = datetime.datetime(2026, 1, 3, 18, 15, 0, 250000, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def brokers():
    return os.environ["OPPEN_KAFKA_BROKERS"]


@pytest.fixture
def topic(brokers):
    name = f"peers-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(DEADLINE_SECONDS)
    yield name
    admin.delete_topics([name])[name].result(DEADLINE_SECONDS)


def publish(brokers, topic, messages):
    """Publishes (key, value, headers); returns the partition of each in turn."""
    producer = Producer({"bootstrap.servers": brokers, "partitioner": "murmur2_random"})
    delivered = {}

    def note(index):
        def on_delivery(error, message):
            assert error is None, error
            delivered[index] = message.partition()

        return on_delivery

    for index, (key, value, headers) in enumerate(messages):
        producer.produce(topic, key=key, value=value, headers=headers, on_delivery=note(index))
    assert producer.flush(DEADLINE_SECONDS) == 0
    return [delivered[index] for index in range(len(messages))]


def read_all(brokers, topic, count):
    """The first `count` messages, by key."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    deadline = time.monotonic() + DEADLINE_SECONDS
    messages = {}
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages within {DEADLINE_SECONDS} s"
        message = consumer.poll(1.0)
        if message is not None:
            assert message.error() is None, message.error()
            messages[message.key().decode()] = message
    consumer.close()
    return messages


def numbered_examples():
    return [
        (f"{index}-{event_type}", "dev.oppen." + event_type, data)
        for index, (event_type, name, data) in enumerate(examples("valid"))
        if not name.startswith("lenient-")
    ]


@pytest.mark.parametrize("to_message", [kafka.to_binary_event, kafka.to_structured_event])
def test_we_read_what_a_foreign_client_publishes(brokers, topic, to_message):
    messages = []
    for key, event_type, data in numbered_examples():
        attributes = {
            "id": "id-" + key,
            "source": "/peer/ä",
            "type": event_type,
            "time": TIME,
            "subject": key,
            "datacontenttype": "application/json",
        }
        message = to_message(CloudEvent(attributes, data))
        messages.append((key, message.value, list(message.headers.items())))
    publish(brokers, topic, messages)

    received = read_all(brokers, topic, len(messages))
    requests = [
        {
            "key": key,
            "headers": [[name, value.decode()] for name, value in received[key].headers()],
            "value": received[key].value().decode(),
        }
        for key, _, _ in numbered_examples()
    ]
    for (key, event_type, data), answer in zip(numbered_examples(), event_tool("decode", requests), strict=True):
        assert answer == {
            "id": "id-" + key,
            "source": "/peer/ä",
            "type": event_type,
            "time": "2026-01-03T18:15:00.250Z",
            "subject": key,
            "data": data,
        }


def test_a_foreign_client_reads_what_we_publish(brokers, topic):
    requests = [
        {"type": event_type, "id": "id-" + key, "key": key, "data": data}
        for key, event_type, data in numbered_examples()
    ]
    records = event_tool("encode", requests)
    publish(brokers, topic, [(record["key"], record["value"], [tuple(h) for h in record["headers"]]) for record in records])

    received = read_all(brokers, topic, len(records))
    for key, event_type, data in numbered_examples():
        message = received[key]
        event = kafka.from_binary_event(
            kafka.KafkaMessage(headers=dict(message.headers()), key=message.key(), value=message.value())
        )
        assert event.get_id() == "id-" + key
        assert event.get_source() == "/oppen/event-tool"
        assert event.get_type() == event_type
        assert event.get_specversion() == "1.0"
        assert event.get_subject() == key
        assert event.get_time().utcoffset() == datetime.timedelta(0)
        assert event.get_data() == data


def test_foreign_keys_fall_on_our_partitions(brokers, topic):
    keys = [f"job-{index}-{'ä' * (index % 5)}" for index in range(1000)]
    partitions = publish(brokers, topic, [(key, b"{}", []) for key in keys])
    ours = event_tool("partition", [{"key": key, "partitions": PARTITIONS} for key in keys])
    assert [answer["partition"] for answer in ours] == partitions
    assert len(set(partitions)) == PARTITIONS
