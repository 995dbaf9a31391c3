"""The bus as an outsider sees it: commands go in as CloudEvents, and everything that comes out is collected."""

import collections
import dataclasses
import json
import threading
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from .waiting import PATIENCE

TOPICS = (
    "oppen.jobs",
    "oppen.job-events",
    "oppen.runs",
    "oppen.control",
    "oppen.costs",
    "oppen.recommendations",
    "oppen.telemetry",
    "oppen.dead-letter",
)
ENDS = ("succeeded", "failed", "cancelled", "rejected")
ANSWERS = ("duplicate", "cancel-refused", "amend-refused")  # no steps of a job's life: they don't raise seq


@dataclasses.dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    key: str | None
    headers: dict
    value: bytes | None

    @property
    def data(self):
        return json.loads(self.value)

    @property
    def readable(self):
        """Whether its value is JSON: anybody can put anything on a topic."""
        try:
            return isinstance(self.data, dict)
        except (TypeError, ValueError):
            return False

    @property
    def type(self):
        """Without "dev.oppen." and version: "job.queued"."""
        return self.headers.get("ce_type", b"").decode().removeprefix("dev.oppen.").rsplit(".v", 1)[0]

    @property
    def id(self):
        return self.headers["ce_id"].decode()

    @property
    def time(self):
        return self.headers["ce_time"].decode()


@dataclasses.dataclass(frozen=True)
class Event:
    """A record of job-events, read."""

    kind: str  # "queued" of a job, "batch.queued" of a batch
    data: dict
    record: Record

    @property
    def seq(self):
        return self.data["seq"]


class Bus:
    def __init__(self, stack):
        brokers = {"bootstrap.servers": stack.env["OPPEN_KAFKA_BROKERS"], "log_level": 0}
        settings = {"linger.ms": 0, "message.max.bytes": 4_000_000, "partitioner": "murmur2_random", "enable.idempotence": True}
        self._producer = Producer({**brokers, **settings})
        self._consumer = Consumer(
            {**brokers, "group.id": f"tests-{uuid.uuid4()}", "enable.auto.commit": False, "fetch.wait.max.ms": 50}
        )
        self._brokers = brokers
        self._changed = threading.Condition()
        self._records = collections.defaultdict(list)  # topic -> in the order of arrival
        self._by_key = collections.defaultdict(list)  # key -> events of job-events
        self._next = {}  # (topic, partition) -> offset of what comes next
        self._closing = False
        topics = self._consumer.list_topics(timeout=30).topics
        self._partitions = [TopicPartition(topic, number, 0) for topic in TOPICS for number in topics[topic].partitions]
        self._consumer.assign(self._partitions)
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        self._thread.join(30)
        self._consumer.close()

    # What goes in.

    def produce(self, value, key=None, headers=None, topic="oppen.jobs", partition=-1):
        """Puts any record on a topic and waits for the broker; its offset there."""
        return self.produce_all([(value, key, headers)], topic, partition)[0]

    def produce_all(self, records, topic="oppen.jobs", partition=-1):
        """The same of many (value, key, headers), in order; by key, or into a partition."""
        offsets, errors = {}, []

        def delivered(number):
            def callback(error, message):
                if error:
                    errors.append(error)
                else:
                    offsets[number] = message.offset()

            return callback

        for number, (value, key, headers) in enumerate(records):
            self._producer.produce(topic, value, key, partition, headers=headers or [], on_delivery=delivered(number))
        left = self._producer.flush(PATIENCE)
        assert left == 0 and not errors, f"{left} records are not acknowledged: {errors[:3]}"
        return [offsets[number] for number in range(len(records))]

    def command(self, kind, data, key, event_id=None):
        """(value, key, headers) of a command, such as kind "job.submit"."""
        headers = {
            "ce_specversion": "1.0",
            "ce_id": event_id or str(uuid.uuid4()),
            "ce_source": "/oppen/tests",
            "ce_type": f"dev.oppen.{kind}.v1",
            "ce_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "ce_subject": key,
            "content-type": "application/json",
        }
        return json.dumps(data).encode(), key, [(name, value.encode()) for name, value in headers.items()]

    def submit(self, *specs):
        """Offsets of the commands."""
        return self.produce_all([self.command("job.submit", spec, spec["job_id"]) for spec in specs])

    def submit_batch(self, batch_id, jobs, **fields):
        data = {"batch_id": batch_id, "jobs": jobs, **fields}
        return self.produce_all([self.command("batch.submit", data, batch_id)])[0]

    def cancel(self, **data):
        """By job_id= or batch_id=."""
        command = {"requested_by": "tests", "reason": "a test", **data}
        return self.produce_all([self.command("job.cancel", command, data.get("job_id") or data["batch_id"])])[0]

    # What comes out.

    def records(self, topic):
        with self._changed:
            return list(self._records[topic])

    def events(self, key, kind=None):
        """Everything on job-events about a job or batch, in order, repetitions too."""
        with self._changed:
            found = list(self._by_key.get(key, ()))
        return [event for event in found if kind in (None, event.kind)]

    def life(self, job_id):
        """The steps of a job as a consumer takes them: what is not above the last seq is dropped."""
        last, steps = 0, []
        for event in self.events(job_id):
            if not event.kind.startswith(("batch.", *ANSWERS)) and event.seq > last:
                last = event.seq
                steps.append(event)
        return steps

    def story(self, job_id):
        """Its kinds: ["queued", "launched", ...]"""
        return [step.kind for step in self.life(job_id)]

    def ended(self, job_id):
        story = self.story(job_id)
        return bool(story) and story[-1] in ENDS

    def ids(self, prefix):
        """Of all jobs and batches that events speak of."""
        with self._changed:
            return [key for key in self._by_key if key and key.startswith(prefix)]

    def wait_for(self, what, condition, deadline=PATIENCE):
        """The first true value of condition(), asked again whenever something has come."""
        end = time.monotonic() + deadline
        while True:
            value = condition()
            if value:
                return value
            left = end - time.monotonic()
            assert left > 0, f"not within {deadline:.0f} s: {what() if callable(what) else what}"
            with self._changed:
                self._changed.wait(min(left, 0.25))

    def wait_event(self, key, kind, count=1, deadline=PATIENCE):
        """The data of the count-th event of that kind about a job or batch."""
        return self.wait_step(key, kind, count, deadline).data

    def wait_step(self, key, kind, count=1, deadline=PATIENCE):
        def what():
            return f"{kind} of {key}; there is {[(event.kind, event.data) for event in self.events(key)][-3:]}"

        self.wait_for(what, lambda: len(self.events(key, kind)) >= count, deadline)
        return self.events(key, kind)[count - 1]

    def wait_queued(self, job_ids, deadline=PATIENCE):
        self._wait_all("queued", job_ids, lambda job_id: self.events(job_id, "queued"), deadline)

    def wait_ended(self, job_ids, deadline=PATIENCE):
        self._wait_all("ended", job_ids, self.ended, deadline)

    def caught_up(self):
        """Returns when everything that is on the bus by now has been read: what has not come then has not been published."""
        admin = AdminClient(self._brokers)  # anew: an old one remembers of a broker what it was before it was killed
        latest = admin.list_offsets({partition: OffsetSpec.latest() for partition in self._partitions}, request_timeout=30)
        ends = {(place.topic, place.partition): found.result().offset for place, found in latest.items()}

        def behind():
            return {place: end for place, end in ends.items() if self._next.get(place, 0) < end}

        self.wait_for(lambda: f"the ends of {behind()}", lambda: not behind())

    def dead_letter(self, offset, topic="oppen.jobs"):
        """The dead letter of the record at that offset, or None."""
        for record in self.records("oppen.dead-letter"):
            if record.headers.get("oppen_topic") == topic.encode() and record.headers.get("oppen_offset") == b"%d" % offset:
                return record
        return None

    def wait_dead_letter(self, offset):
        return self.wait_for(f"a dead letter of oppen.jobs/{offset}", lambda: self.dead_letter(offset))

    def _wait_all(self, what, job_ids, is_so, deadline):
        open_ids = list(job_ids)

        def left():
            open_ids[:] = [job_id for job_id in open_ids if not is_so(job_id)]
            return not open_ids

        def explain():
            shown = {job_id: self.story(job_id) for job_id in open_ids[:5]}
            return f"{len(open_ids)} jobs are not {what}: {shown}"

        self.wait_for(explain, left, deadline)

    def _collect(self):
        while not self._closing:
            messages = self._consumer.consume(1000, timeout=0.1)
            good = [message for message in messages if not message.error()]
            if not good:
                continue
            with self._changed:
                for message in good:
                    key = message.key()
                    record = Record(
                        message.topic(),
                        message.partition(),
                        message.offset(),
                        key.decode(errors="replace") if key is not None else None,
                        dict(message.headers() or []),
                        message.value(),
                    )
                    self._records[record.topic].append(record)
                    self._next[record.topic, record.partition] = record.offset + 1
                    if record.topic == "oppen.job-events" and record.readable:
                        kind = record.type.removeprefix("job.")
                        self._by_key[record.key].append(Event(kind, record.data, record))
                self._changed.notify_all()
