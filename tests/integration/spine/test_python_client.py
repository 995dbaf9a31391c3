"""The Python client against the real thing: what it publishes is what the CLI and the C++ code publish and read, nothing that it has
called acknowledged is lost, and what is told comes back as it is."""

import importlib.util
import itertools
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import types

import pytest
from harness.stack import ROOT
from harness.waiting import PATIENCE, wait_until
from harness.worker import program
from oppen import Client, InvalidInput, Unacknowledged, check, client as client_module, events

COMMANDS = ("job.submit.v1", "batch.submit.v1", "job.cancel.v1", "job.amend.v1", "run.progress.v1", "run.completed.v1")
BETWEEN_FIELDS = {"resources.gpu_share", "job_id"}  # where a rule holds two fields together, we name what holds them
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def client(world):
    with Client(world.stack.env["OPPEN_KAFKA_BROKERS"], deadline=PATIENCE) as made:
        yield made


def event_tool(mode, requests):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([program("event-tool"), mode], input=lines, capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def examples(kind):
    files = sorted((ROOT / "schemas" / "examples").glob(f"*/{kind}/*.json"))
    return [(file.parts[-3], file.stem, json.loads(file.read_text())) for file in files]


def read_by_ours(record):
    """The event as the project's C++ codec reads the record."""
    headers = [[name, value.decode()] for name, value in record.headers.items()]
    [answer] = event_tool("decode", [{"key": record.key, "headers": headers, "value": record.value.decode()}])
    assert "error" not in answer, answer
    [checked] = event_tool("check", [{"type": answer["type"], "data": answer["data"]}])
    assert "error" not in checked, checked
    return answer


def occupy(bus, jobs, policies):
    """Nothing else starts from here on."""
    policies.set(max_concurrent_jobs=1)
    blocker = jobs.spec("blocker", seconds=600, priority="urgent")
    bus.submit(blocker)
    bus.wait_event(blocker["job_id"], "started")


def commands_about(bus, *keys):
    bus.caught_up()
    return [record for record in bus.records("oppen.jobs") if record.key in keys]


# What needs no services.


@pytest.mark.parametrize(("event_type", "name", "data"), [example for example in examples("invalid") if example[0] in COMMANDS])
def test_the_faults_of_what_is_invalid(event_type, name, data):
    """Each invalid example has a fault in the field that its name gives; its sentence names field, value and what was expected."""
    found = check.faults(event_type, data)
    where = name.partition("@")[2]
    assert where in [fault.path for fault in found] or (where in BETWEEN_FIELDS and found)
    assert all(" is " in str(fault) and len(fault.expected) > 3 for fault in found)


@pytest.mark.parametrize(("event_type", "name", "data"), examples("valid"))
def test_what_is_valid_has_no_faults(event_type, name, data):
    assert check.faults(event_type, data) == []


def test_keys_fall_where_ours_fall():
    keys = [f"job-{index}-{'ä' * (index % 5)}" for index in range(1000)]
    ours = event_tool("partition", [{"key": key, "partitions": 12} for key in keys])
    assert [events.partition_of(key, 12) for key in keys] == [answer["partition"] for answer in ours]


def test_parts_have_a_bound():
    """Small parts, as many as there may be; then larger ones; then it is a fault. A job that fits into no part is one, too."""
    assert client_module._split([b"x" * 100_000] * 5) == [2, 2, 1]
    assert client_module._split([b"x" * 299_999] * 250)[:2] == [3, 3]
    for sizes in ([800_000] * 101, [900_000]):
        with pytest.raises(InvalidInput, match="at most"):
            client_module._split([b"x" * size for size in sizes])


def test_values_of_other_libraries_and_what_json_cannot_say():
    faults = []
    assert check.plain({"a": (1, True, None), "b": 0.5}, faults) == {"a": [1, True, None], "b": 0.5} and not faults
    check.plain({"metrics": {"loss": float("nan")}, "args": ["\ud800", b"bytes"], "env": {"TOKEN": b"hidden"}}, faults)
    assert [fault.path for fault in faults] == ["metrics.loss", "args[0]", "args[1]", "env.TOKEN"]
    assert "hidden" not in str(InvalidInput(faults))


def test_a_broker_that_is_not_there(monkeypatch, caplog):
    """Unacknowledged has the id, also one that the client made, and says that repeating is safe; no password is told."""
    monkeypatch.setenv("OPPEN_KAFKA_PROPERTIES", "sasl.username=ann;sasl.password=hunter2")
    caplog.set_level(logging.DEBUG)
    with Client("127.0.0.1:1", config={"ssl.key.password": "hunter2"}, deadline=0.5) as client:
        with pytest.raises(Unacknowledged, match="repeating the call with the same id is safe") as caught:
            client.submit({"model_type": "mnist"})
        assert re.fullmatch("mnist-[0-9]{8}-[0-9]{6}-[a-z2-7]{8}", caught.value.id)
        with pytest.raises(TimeoutError):
            client.wait("a-job", timeout=0.5)
    assert "hunter2" not in caplog.text + str(caught.value)
    with pytest.raises(ValueError, match="closed"):
        client.submit({"model_type": "mnist"})
    monkeypatch.setenv("OPPEN_KAFKA_PROPERTIES", "a=b;hunter2")
    with pytest.raises(ValueError, match="part 2 of OPPEN_KAFKA_PROPERTIES") as caught:
        Client()
    assert "hunter2" not in str(caught.value)


# Commands.


def test_the_same_as_the_command_line(world, client, bus, jobs):
    """A job that is submitted by the CLI and again from Python is a duplicate without conflict, and the other way round; the scheduler
    resolves both alike. The records differ in their source alone, and reports fall on the partition where the job is told."""
    fields = {"name": "one of two", "epochs": 3, "priority": "urgent", "team": "vision", "labels": {"tier": "gold"}, "args": ["ä", "b c"]}
    specs = {name: jobs.spec(name, **fields) for name in ("first", "second")}

    def by_command_line(spec):
        subprocess.run(
            [program("oppen"), "submit", "-f", "-", "--no-wait"],
            input=json.dumps(spec),
            env={**os.environ, **world.stack.env},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    by_command_line(specs["first"])
    assert client.submit(specs["first"]) == specs["first"]["job_id"]
    client.submit(specs["second"])
    by_command_line(specs["second"])
    for spec in specs.values():
        assert bus.wait_event(spec["job_id"], "duplicate")["conflict"] is False
    resolved = [bus.wait_event(spec["job_id"], "queued")["spec"] for spec in specs.values()]
    assert [{**spec, "job_id": ""} for spec in resolved] == [{**resolved[0], "job_id": ""}] * 2
    ours, theirs = commands_about(bus, specs["second"]["job_id"])
    assert ours.headers.keys() == theirs.headers.keys() and (ours.key, ours.partition) == (theirs.key, theirs.partition)
    assert {name for name in ours.headers if ours.headers[name] != theirs.headers[name]} == {"ce_id", "ce_source", "ce_time"}
    assert read_by_ours(ours)["subject"] == specs["second"]["job_id"]
    for spec in specs.values():
        client.report_progress({"job_id": spec["job_id"], "attempt": 1, "epoch": 1, "epochs": 3})
    bus.caught_up()
    for spec in specs.values():
        [report] = [record for record in bus.records("oppen.runs") if record.key == spec["job_id"] and record.type == "run.progress"]
        assert report.partition == bus.wait_step(spec["job_id"], "queued").record.partition


def test_a_submission_twice_and_by_many_threads(client, bus, jobs):
    """One client serves many threads; each id is queued once, also where it is submitted twice."""
    specs = jobs.specs(20, seconds=0)
    threads = [threading.Thread(target=client.submit, args=(spec,)) for spec in specs * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    ids = [spec["job_id"] for spec in specs]
    assert len(commands_about(bus, *ids)) == 40
    bus.wait_ended(ids)
    for job_id in ids:
        assert bus.wait_event(job_id, "duplicate")["conflict"] is False
        assert len(bus.events(job_id, "queued")) == 1


def test_an_id_is_made(client, bus):
    job_id = client.submit({"model_type": "mnist", "resources": {"gpus": 0}, "env": {"SIMULATED_DURATION": "10ms"}})
    assert client.wait(job_id, PATIENCE).data["state"] == "succeeded"


def test_invalid_input_publishes_nothing(client, bus, jobs):
    """Every fault is named, of every job of a batch; nothing goes out."""
    wrong = jobs.spec("wrong", epochs=0, priority="high", seconds=0) | {"window": None}
    with pytest.raises(InvalidInput) as caught:
        client.submit(wrong)
    assert {fault.path for fault in caught.value.faults} == {"epochs", "priority", "window"}
    assert 'priority is "high": expected one of urgent, normal, background' in str(caught.value)
    good = jobs.spec("good")
    with pytest.raises(InvalidInput) as caught:
        client.submit_batch([good, wrong, good, 5], jobs.id("batch"))
    places = {fault.path for fault in caught.value.faults}
    assert places == {"jobs[1].epochs", "jobs[1].priority", "jobs[1].window", "jobs[2].job_id", "jobs[3]"}
    for call in (
        lambda: client.submit_batch([], jobs.id("batch")),
        lambda: client.cancel(),
        lambda: client.cancel(jobs.id("wrong"), batch_id=jobs.id("batch")),
        lambda: client.amend(jobs.id("wrong"), {"image": "another"}),
        lambda: client.report_progress({"job_id": jobs.id("wrong"), "attempt": 0, "epoch": 1, "epochs": 2}),
        lambda: client.report_completed({"run_id": jobs.id("wrong")}),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert commands_about(bus, jobs.id("wrong"), jobs.id("good"), jobs.id("batch")) == []
    assert jobs.id("wrong") not in {record.key for record in bus.records("oppen.runs")}


def test_a_batch_of_several_parts(client, bus, jobs, policies):
    """It is queued whole, in order; wait tells that it is taken; its cancel takes all of it back."""
    occupy(bus, jobs, policies)
    batch_id = jobs.id("batch")
    specs = [{"model_type": "mnist", "resources": {"gpus": 0}, "env": {"TEXT": "ä" * 300}} for _ in range(2000)]
    ids = client.submit_batch(specs, batch_id, max_total_microusd=10**12)
    assert ids == [f"{batch_id}-{place}" for place in range(1, 2001)]
    parts = commands_about(bus, batch_id)
    assert [(part.data["part"], part.data["parts"]) for part in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert len(parts) > 2 and all(len(part.value) < 310_000 for part in parts)
    taken = client.wait(batch_id, 120)
    assert taken.type == "dev.oppen.batch.queued.v1" and taken.data["jobs"] == ids
    client.cancel(batch_id=batch_id, requested_by="tests", reason="enough")
    outcomes = client.wait_all(ids, 120)
    assert list(outcomes) == ids
    assert {(outcome.data["state"], outcome.data["reason"]) for outcome in outcomes.values()} == {("cancelled", "enough")}


def test_a_batch_that_is_refused(client, bus, jobs):
    """wait tells the refusal, and, once a corrected batch of the same id has been submitted, not that one any more."""
    specs, batch_id = jobs.specs(3, seconds=0), jobs.id("batch")
    client.submit_batch(specs, batch_id, max_total_microusd=1)
    refused = client.wait(batch_id, PATIENCE)
    assert refused.type == "dev.oppen.batch.rejected.v1" and refused.data["errors"][0]["field"] == "max_total_microusd"
    client.submit_batch(specs, batch_id)
    assert client.wait(batch_id, PATIENCE).type == "dev.oppen.batch.queued.v1"
    bus.wait_ended([spec["job_id"] for spec in specs])


def test_amend_and_cancel(client, bus, jobs, policies):
    occupy(bus, jobs, policies)
    job_id = client.submit(jobs.spec("waits"))
    bus.wait_queued([job_id])
    client.amend(job_id, {"priority": "background", "batch_size": 32}, requested_by="ann")
    assert bus.wait_event(job_id, "amended")["changes"] == {"priority": "background", "batch_size": 32}
    client.cancel(job_id, requested_by="ann", reason="no need")
    outcome = client.wait(job_id, PATIENCE)
    assert [outcome.data[field] for field in ("state", "was", "requested_by", "reason")] == ["cancelled", "queued", "ann", "no need"]


# What comes out.


def test_wait_for_each_outcome(client, bus, jobs):
    """Succeeded with its metrics, failed with its reason, and rejected; an id of which nothing is told ends in TimeoutError."""
    good = client.submit(jobs.spec("good", env={"SIMULATED_METRICS": '{"accuracy":0.91}'}))
    bad = client.submit(jobs.spec("bad", env={"SIMULATED_EXIT_CODE": "9"}, max_retries=0))
    huge = client.submit(jobs.spec("huge", resources={"gpus": 3}))
    outcome = client.wait(good, PATIENCE)
    assert (outcome.type, outcome.data["metrics"]) == ("dev.oppen.job.succeeded.v1", {"accuracy": 0.91})
    assert (outcome.source, outcome.subject, outcome.topic) == ("/oppen/scheduler", good, "oppen.job-events")
    assert outcome.id == bus.wait_step(good, "succeeded").record.id and outcome.time.utcoffset().total_seconds() == 0
    outcome = client.wait(bad, PATIENCE)
    assert (outcome.data["state"], outcome.data["exit_code"]) == ("failed", 9)
    assert client.wait(huge, PATIENCE).data["code"] == "never_fits"
    assert [event.data["state"] for event in client.wait_all([huge, good, bad], PATIENCE).values()] == ["rejected", "succeeded", "failed"]
    with pytest.raises(TimeoutError, match=f"of {jobs.id('unknown')} within"):
        client.wait_all([good, jobs.id("unknown")], timeout=10)  # in which the good one is found again
    assert client.wait_all([], timeout=1) == {}


def test_what_was_rejected_and_comes_again(world, client, jobs):
    """The old rejection is not the outcome of the corrected job: to the client that submitted both, nor to another."""
    job_id = client.submit(jobs.spec("again", resources={"gpus": 3}))
    assert client.wait(job_id, PATIENCE).data["state"] == "rejected"
    client._remember(job_id, 10**9)  # as if the corrected one were on its way to a scheduler that is slow
    with pytest.raises(TimeoutError):
        client.wait(job_id, timeout=2)
    client.submit(jobs.spec("again", seconds=1))
    assert client.wait(job_id, PATIENCE).data["state"] == "succeeded"
    with Client(world.stack.env["OPPEN_KAFKA_BROKERS"]) as another:
        assert another.wait(job_id, PATIENCE).data["state"] == "succeeded"


def test_reports_are_read_by_ours(client, bus, jobs):
    """Every valid example, reported from Python, is read as it was by the project's own codec; times may be datetimes."""
    for event_type, report in (("run.progress.v1", client.report_progress), ("run.completed.v1", client.report_completed)):
        for name, data in [(name, data) for kind, name, data in examples("valid") if kind == event_type and "lenient" not in name]:
            named = {**data, "run_id": jobs.id(f"{event_type.replace('.', '-')}-{name}")[:60]}
            report(named)
            bus.caught_up()
            [record] = [record for record in bus.records("oppen.runs") if record.data.get("run_id") == named["run_id"]]
            answer = read_by_ours(record)
            assert (answer["type"], answer["source"], answer["data"]) == (f"dev.oppen.{event_type}", "/oppen/python", named)
            assert record.key == (named.get("job_id") or named["run_id"])


def test_job_events_from_now_on(client, jobs):
    """What happens after the call is told, from the first event on; each iterator ends with its client."""
    told = client.job_events()
    job_id = client.submit(jobs.spec("told"))
    steps = list(itertools.islice((event for event in told if event.data.get("job_id") == job_id), 4))
    assert [step.type for step in steps] == [f"dev.oppen.job.{kind}.v1" for kind in ("queued", "launched", "started", "succeeded")]
    assert [step.data["seq"] for step in steps] == [1, 2, 3, 4]
    told.close()


def test_iterators_end_with_their_client(world):
    with Client(world.stack.env["OPPEN_KAFKA_BROKERS"]) as mine:
        alerts, recommendations = mine.alerts(), mine.recommendations(from_beginning=True)
    assert list(alerts) == [] and list(recommendations) == []


def a_cost(jobs, number):
    cost = json.loads((ROOT / "schemas" / "examples" / "cost.accrued.v1" / "valid" / "usual.json").read_text())
    return {**cost, "job_id": jobs.id("costs"), "attempt": number}


def test_malformed_records_stop_nothing(client, bus, jobs, caplog):
    """Garbage, no CloudEvent, no JSON, an event that its schema refuses: each is passed over with its place in the log, and what comes
    after it is told. Structured mode is read, too."""
    key = jobs.id("costs")
    good = [bus.command("cost.accrued", a_cost(jobs, number), key) for number in (1, 2)]
    structured = {
        "specversion": "1.0", "id": "s", "source": "/x", "type": "dev.oppen.cost.accrued.v1", "data": a_cost(jobs, 3),
    }  # fmt: skip
    incomplete = {name: value for name, value in a_cost(jobs, 9).items() if name != "total_microusd"}
    bad = [
        (b"\xff\x00", key, None),
        (None, key, None),
        (b"{}", key, None),
        (b"[1, 2", key, good[0][2]),
        (b"[1, 2]", key, good[0][2]),
        (b"{}", key, [("ce_id", None), ("ce_time", b"yesterday")]),
        bus.command("cost.accrued", incomplete, key),
        (b"{", key, [("content-type", b"application/cloudevents+json")]),
    ]
    records = [good[0], *bad, good[1], (json.dumps(structured).encode(), key, [("content-type", b"application/cloudevents+json")])]
    costs = client.costs()
    offsets = bus.produce_all(records, topic="oppen.costs")
    told = list(itertools.islice(costs, 3))
    costs.close()
    assert [cost.data["attempt"] for cost in told] == [1, 2, 3] and [cost.offset for cost in told] == [offsets[0], *offsets[-2:]]
    assert abs(told[2].time.timestamp() - time.time()) < PATIENCE, "an event without a time has that of its record"
    warnings = [record.getMessage() for record in caplog.records if "oppen.costs" in record.getMessage()]
    assert len(warnings) == len(bad)
    for offset, text in zip(offsets[1:-2], warnings, strict=True):
        assert f"oppen.costs[{told[0].partition}] at offset {offset}:" in text
    assert "total_microusd is missing" in warnings[6]


def test_a_group_goes_on_where_it_was(client, bus, jobs):
    """What was asked for and not followed by another comes again; what was handled does not."""
    key = jobs.id("costs")
    bus.produce_all([bus.command("cost.accrued", a_cost(jobs, number), key) for number in range(100, 104)], topic="oppen.costs")
    told = []
    for _ in range(2):
        costs = client.costs(group_id=jobs.id("group"), from_beginning=True)
        mine = (cost.data["attempt"] for cost in costs if cost.data.get("job_id") == key)
        told.append(list(itertools.islice(mine, 2)))
        costs.close()
    assert told == [[100, 101], [101, 102]]


# When Kafka goes away.


def test_nothing_acknowledged_is_lost(rough_world):
    """Kafka is killed and started again in the middle of submissions by several threads. What is not acknowledged is repeated with the
    same id. Each job that was acknowledged is queued, once."""
    world = rough_world
    prefix = f"python-lost-{os.urandom(3).hex()}"
    acknowledged, failures, stop = [], [], threading.Event()

    def submit_all(thread):
        for number in itertools.count():
            if stop.is_set():
                return
            spec = {"job_id": f"{prefix}-{thread}-{number}", "model_type": "mnist", "resources": {"gpus": 0}}
            spec["env"] = {"SIMULATED_DURATION": "600s"}
            while True:
                try:
                    acknowledged.append(client.submit(spec))
                    break
                except Unacknowledged as error:
                    assert error.id == spec["job_id"]
                    failures.append(error)

    with Client(world.stack.env["OPPEN_KAFKA_BROKERS"], deadline=1) as client:
        threads = [threading.Thread(target=submit_all, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until("submissions before", lambda: len(acknowledged) > 50)
            world.stack.kill("kafka")
            wait_until("calls that are not acknowledged", lambda: failures)
            world.stack.start("kafka")
            before = len(acknowledged)
            wait_until("submissions after", lambda: len(acknowledged) > before + 50)
        finally:
            stop.set()
            for thread in threads:
                thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    world.bus.wait_queued(acknowledged, deadline=120)
    world.bus.caught_up()
    assert all(len({event.seq for event in world.bus.events(job_id, "queued")}) == 1 for job_id in acknowledged)
    world.bus.produce_all([world.bus.command("job.cancel", {"job_id": job_id}, job_id) for job_id in acknowledged])
    world.bus.wait_ended(acknowledged, deadline=180)


# What the documentation shows.


def snippets():
    return re.findall(r"^```python\n(.*?)^```", (DOCS / "python.md").read_text(), re.MULTILINE | re.DOTALL)


def environment(world):
    paths = {"PYTHONPATH": str(ROOT / "producers" / "python"), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, "OPPEN_KAFKA_BROKERS": world.stack.env["OPPEN_KAFKA_BROKERS"], **paths}


@pytest.mark.parametrize("code", snippets(), ids=lambda code: str(snippets().index(code)))
def test_snippets_run(world, client, bus, jobs, code):
    """Each by itself, to its end; those that go on without end until they have told something."""
    endless = "client.costs(" in code or "client.job_events(" in code
    running = subprocess.Popen(
        [sys.executable, "-B", "-c", code],
        env=environment(world),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if endless:
            bus.produce_all([bus.command("cost.accrued", a_cost(jobs, 1), jobs.id("costs"))], topic="oppen.costs")
            client.submit(jobs.spec("told", seconds=0))
            assert re.match(r"20..-", running.stdout.readline())
        else:
            output, errors = running.communicate(timeout=120)
            assert running.returncode == 0, errors
            assert "report_completed" in code or output
    finally:
        running.kill()
        running.communicate()


def test_the_example_script(world):
    def run(*arguments):
        script = [sys.executable, "-B", DOCS / "examples" / "submit.py", *arguments]
        return subprocess.run(script, env=environment(world), capture_output=True, text=True, timeout=120, check=False)

    done, refused = run(), run("no model")
    assert done.returncode == 0 and "succeeded" in done.stdout, done.stdout + done.stderr
    assert refused.returncode == 2 and 'model_type is "no model"' in refused.stderr


def test_training_that_reports_itself_and_by_its_termination_log(world, client, bus, jobs, tmp_path):
    """What the script publishes and what the scheduler makes of the log are of one job and attempt and on one partition, so that
    consumers, who take the first of each (job_id, attempt), count the run once."""
    log = tmp_path / "termination-log"
    log.touch()
    job_id = jobs.id("trains")
    variables = {"OPPEN_JOB_ID": job_id, "OPPEN_ATTEMPT": "1", "OPPEN_MODEL_TYPE": "mnist", "OPPEN_EPOCHS": "3", "OPPEN_BATCH_SIZE": "64"}
    script = [sys.executable, "-B", DOCS / "examples" / "train.py", "--termination-log", log]
    done = subprocess.run(
        script, env={**environment(world), **variables}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0 and f"reported {job_id}-1" in done.stdout, done.stdout + done.stderr
    # Simulated nodes run no code: the pod leaves in its log what the script has left.
    client.submit(jobs.spec("trains", epochs=3, env={"SIMULATED_METRICS": log.read_text()}))
    assert client.wait(job_id, PATIENCE).data["metrics"] == json.loads(log.read_text())

    def told(kind):
        return [record for record in bus.records("oppen.runs") if record.key == job_id and record.type == kind]

    bus.wait_for("both reports", lambda: len(told("run.completed")) == 2)
    assert {record.headers["ce_source"] for record in told("run.completed")} == {b"/oppen/python", b"/oppen/scheduler"}
    progress = told("run.progress")
    assert [record.data["epoch"] for record in progress] == [1, 2, 3]
    both = [*progress, *told("run.completed")]
    assert {(record.data["job_id"], record.data["attempt"], record.data["run_id"]) for record in told("run.completed")} == {
        (job_id, 1, f"{job_id}-1")
    }
    assert {record.partition for record in both} == {events.partition_of(job_id, 12)}
    loss = progress[-1].data["metrics"]
    assert all(record.data["metrics"] == loss for record in told("run.completed"))


def test_the_example_dag(world, monkeypatch):
    """Its task, with the little of Airflow that it needs put in its place, runs a job, and finds the same one when it is run again."""
    airflow = types.ModuleType("airflow.sdk")
    airflow.dag = lambda **settings: lambda function: lambda: None
    airflow.task = lambda **settings: lambda function: function
    monkeypatch.setitem(sys.modules, "airflow", types.ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", airflow)
    monkeypatch.setenv("OPPEN_KAFKA_BROKERS", world.stack.env["OPPEN_KAFKA_BROKERS"])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("airflow_dag", DOCS / "examples" / "airflow_dag.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    date = f"2026-01-{os.urandom(3).hex()}"
    assert module.train(date) == module.train(date)
    world.bus.caught_up()
    assert len(world.bus.events(f"nightly-{date}", "queued")) == 1
