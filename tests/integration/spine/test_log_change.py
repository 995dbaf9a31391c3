"""A Kafka that is not the one that Redis was made from is noticed: the scheduler stops and says what to do, and --verify says so, too."""

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from conftest import make_world
from harness.jobs import Jobs
from harness.verify import drifts, run_scheduler, verify
from harness.waiting import wait_until

META = "{oppen.scheduler}:meta"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Its log is taken away."""
    yield from make_world(tmp_path_factory.mktemp("changed"))


def test_the_topic_jobs_is_made_anew_and_grows_longer(world):
    """Offsets alone would not show it: the record that was handled last is another one now."""
    jobs = Jobs("changed", world.bus)
    specs = jobs.specs(3)
    world.bus.submit(*specs)
    world.bus.wait_ended([spec["job_id"] for spec in specs])
    wait_until("the last record is noted", lambda: world.stack.redis("HGET", META, "last:jobs").startswith("2 "))
    assert world.scheduler.stop() == 0
    assert verify(world.stack)[0] == 0

    admin = AdminClient({"bootstrap.servers": world.stack.env["OPPEN_KAFKA_BROKERS"]})
    admin.delete_topics(["oppen.jobs"])["oppen.jobs"].result(30)
    wait_until("the topic is gone", lambda: "oppen.jobs" not in admin.list_topics(timeout=10).topics)
    admin.create_topics([NewTopic("oppen.jobs", 1, 1)])["oppen.jobs"].result(30)
    # The producer knew the old topic and may send again in another order; what counts is that the log is longer than it was.
    assert max(world.bus.submit(*jobs.specs(9))) > 2

    code, _, log = run_scheduler(world.stack)
    assert code == 1
    assert "the topic jobs holds another record at offset 2" in log
    assert "empty this one to rebuild the queue from the log" in log
    code, report = verify(world.stack)
    assert code == 1 and ("kafka", "the log of jobs") in drifts(report), report
