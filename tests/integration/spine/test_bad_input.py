"""Whatever is put on the topic is answered: by a dead letter with a reason, or by job.rejected where the job's id could be read;
and the next good job is queued. The reason names the field and the value."""

import json

import pytest

LONG = "x" * 900_000
DEEP = b'{"job_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def headers(**changes):
    """CloudEvents headers of a job.submit; None takes one away."""
    all_headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"/oppen/tests",
        "ce_type": b"dev.oppen.job.submit.v1",
        "content-type": b"application/json",
        **{name.replace("__", "-"): value for name, value in changes.items()},
    }
    return [(name, value) for name, value in all_headers.items() if value is not None]


def the_next_job_is_handled(bus, jobs):
    good = jobs.spec("good", seconds=0)
    bus.submit(good)
    bus.wait_ended([good["job_id"]])
    assert bus.story(good["job_id"]) == ["queued", "launched", "started", "succeeded"]


GOOD = b'{"job_id":"never-queued","model_type":"mnist"}'
STRUCTURED = headers(**{"content-type": b"application/cloudevents+json"}, ce_specversion=None, ce_id=None, ce_type=None)


def envelope(**changes):
    whole = {"specversion": "1.0", "id": "1", "source": "/t", "type": "dev.oppen.job.submit.v1", "data": json.loads(GOOD)}
    whole.update(changes)
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


# name: (value, headers, what the reason names)
UNREADABLE = {
    "not JSON": (b"urgent, please", headers(), ["urgent, please", "JSON"]),
    "empty": (b"", headers(), ["JSON"]),
    "null value": (None, headers(), ["null"]),
    "half JSON": (GOOD[:20], headers(), ["JSON"]),
    "a number": (b"42", headers(), ["42"]),
    "a list": (b"[1,2]", headers(), ["object"]),
    "invalid UTF-8": (b'{"job_id":"a","model_type":"\xff\xfe"}', headers(), ["UTF-8"]),
    "deep": (DEEP, headers(), ["deep"]),
    "no id": (b'{"model_type":"mnist"}', headers(), ["job_id"]),
    "id of another type": (b'{"job_id":7,"model_type":"mnist"}', headers(), ["job_id", "7"]),
    "id with capitals": (b'{"job_id":"My_Job","model_type":"mnist"}', headers(), ["job_id", "My_Job"]),
    "id of 51": (b'{"job_id":"%s","model_type":"mnist"}' % (b"a" * 51), headers(), ["job_id", "50"]),
    "id of 900 kB": (json.dumps({"job_id": LONG, "model_type": "mnist"}).encode(), headers(), ["job_id", "50"]),
    "id with a NUL": (b'{"job_id":"a\\u0000b","model_type":"mnist"}', headers(), ["job_id"]),
    "unknown type": (GOOD, headers(ce_type=b"dev.oppen.job.launch.v1"), ["ce_type", "dev.oppen.job.launch.v1"]),
    "type of later": (GOOD, headers(ce_type=b"dev.oppen.job.submit.v2"), ["dev.oppen.job.submit.v2"]),
    "specversion": (GOOD, headers(ce_specversion=b"0.3"), ["specversion", "0.3", "1.0"]),
    "no headers": (GOOD, [], ["specversion", "missing"]),
    "no event id": (GOOD, headers(ce_id=None), ["id", "missing"]),
    "no source": (GOOD, headers(ce_source=None), ["source", "missing"]),
    "bad time": (GOOD, headers(ce_time=b"yesterday"), ["time", "yesterday"]),
    "headers not UTF-8": (GOOD, headers(ce_id=b"\xff\xfe"), ["id", "UTF-8"]),
    "another content type": (GOOD, headers(content__type=b"text/xml"), ["content-type", "text/xml"]),
    "structured, no JSON": (b"{", STRUCTURED, ["JSON"]),
    "structured, no data": (envelope(data=None), STRUCTURED, ["data"]),
    "structured, specversion": (envelope(specversion="2.0"), STRUCTURED, ["specversion", "2.0"]),
    "structured, no type": (envelope(type=None), STRUCTURED, ["type", "missing"]),
    "structured, bad base64": (envelope(data=None, data_base64="!!"), STRUCTURED, ["data_base64"]),
    "cancel of nobody": (b"{}", headers(ce_type=b"dev.oppen.job.cancel.v1"), ["job_id"]),
    "batch of nobody": (b'{"jobs":[]}', headers(ce_type=b"dev.oppen.batch.submit.v1"), ["batch_id"]),
    "cancel of both": (
        b'{"job_id":"a","batch_id":"b"}',
        headers(ce_type=b"dev.oppen.job.cancel.v1"),
        ["job_id", "batch_id"],
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_set_aside(bus, jobs, name):
    """The record arrives in the dead letter with its key, value and headers untouched, and with where it came from and why."""
    value, sent, named = UNREADABLE[name]
    offset = bus.produce(value, b"the key", sent)
    letter = bus.wait_dead_letter(offset)
    assert letter.value == value and letter.key == "the key"
    assert {header: letter.headers[header] for header, _ in sent} == dict(sent)
    assert letter.headers["oppen_topic"] == b"oppen.jobs" and letter.headers["oppen_partition"] == b"0"
    assert letter.headers["oppen_worker"] == b"scheduler"
    reason = letter.headers["oppen_error"].decode()
    assert all(word in reason for word in named) and len(reason) <= 1000, reason
    the_next_job_is_handled(bus, jobs)


# name: (changes of a good spec, field, what the reason names)
INVALID = {
    "no model": ({"model_type": None}, "model_type", []),
    "unknown model": ({"model_type": "gpt-9"}, "model_type", ["gpt-9", "mnist"]),
    "model no label": ({"model_type": "a model!"}, "model_type", ["a model!"]),
    "team no label": ({"team": "R&D"}, "team", ["R&D"]),
    "user too long": ({"user": "u" * 64}, "user", ["63"]),
    "project a number": ({"project": 7}, "project", ["7"]),
    "priority": ({"priority": "highest"}, "priority", ["highest", "urgent"]),
    "workload": ({"workload_type": "game"}, "workload_type", ["game", "training"]),
    "epochs text": ({"epochs": "3"}, "epochs", ['"3"']),
    "epochs none": ({"epochs": 0}, "epochs", ["0"]),
    "epochs absurd": ({"epochs": 10**15}, "epochs", ["1000000"]),
    "epochs beyond 64 bits": ({"epochs": 10**30}, "epochs", ["1000000"]),
    "epochs half": ({"epochs": 1.5}, "epochs", ["1.5"]),
    "batch size": ({"batch_size": -1}, "batch_size", ["-1"]),
    "gpus negative": ({"resources": {"gpus": -1}}, "resources.gpus", ["-1"]),
    "gpus absurd": ({"resources": {"gpus": 10**9}}, "resources.gpus", ["1000000000"]),
    "gpus and share": ({"resources": {"gpus": 1, "gpu_share": 0.5}}, "resources.gpu_share", ["gpus"]),
    "share too much": ({"resources": {"gpus": None, "gpu_share": 1.5}}, "resources.gpu_share", ["1.5"]),
    "cpu no amount": ({"resources": {"cpu": "much"}}, "resources.cpu", ["much"]),
    "memory no amount": ({"resources": {"memory": "2 GB"}}, "resources.memory", ["2 GB"]),
    "memory negative": ({"resources": {"memory": "-1Gi"}}, "resources.memory", ["-1Gi"]),
    "resources a list": ({"resources": []}, "resources", ["[]"]),
    "image with spaces": ({"image": "my image:1"}, "image", ["my image:1"]),
    "image of 900 kB": ({"image": LONG}, "image", ["512"]),
    "name of 900 kB": ({"name": LONG}, "name", ["200"]),
    "args not text": ({"args": [1]}, "args[0]", ["1"]),
    "env no name": ({"env": {"1A": "x"}}, "env.1A", []),
    "env ours": ({"env": {"OPPEN_JOB_ID": "x"}}, "env.OPPEN_JOB_ID", ["OPPEN_"]),
    "env of 900 kB": ({"env": {"A": LONG}}, "env.A", ["32768"]),
    "secret": ({"secrets": ["No Secret"]}, "secrets[0]", ["No Secret"]),
    "label ours": ({"labels": {"oppen.dev/team": "x"}}, "labels.oppen.dev/team", []),
    "label value": ({"labels": {"a": "not a value"}}, "labels.a", ["not a value"]),
    "spot": ({"spot": "yes"}, "spot", ["yes"]),
    "window": ({"window": "night"}, "window", ["night", "off_peak"]),
    "runtime": ({"max_runtime_seconds": 10**12}, "max_runtime_seconds", ["31536000"]),
    "retries": ({"max_retries": 101}, "max_retries", ["100"]),
    "after no id": ({"after": ["Not An Id"]}, "after[0]", ["Not An Id"]),
}


@pytest.mark.parametrize("name", INVALID)
def test_a_job_that_is_wrong_is_rejected(bus, jobs, name):
    """Its id could be read, so the answer is job.rejected under it, with the field and the value."""
    changes, field, named = INVALID[name]
    spec = jobs.spec("wrong", **changes)
    if changes.get("resources") == []:
        spec["resources"] = []
    spec["resources"] = {k: v for k, v in spec["resources"].items() if v is not None} if spec["resources"] else []
    spec = {key: value for key, value in spec.items() if value is not None}
    bus.submit(spec)
    rejected = bus.wait_event(spec["job_id"], "rejected")
    assert (rejected["code"], rejected["field"]) == ("invalid", field), rejected["reason"]
    assert rejected["state"] == "rejected" and rejected["seq"] == 1
    assert all(word in rejected["reason"] for word in (field, *named)), rejected["reason"]
    assert len(rejected["reason"]) < 2000
    assert bus.story(spec["job_id"]) == ["rejected"]
    the_next_job_is_handled(bus, jobs)


@pytest.mark.parametrize("after", [["another-job"], ["wish"]], ids=["unknown", "itself"])
def test_what_can_never_come_is_not_waited_for(bus, jobs, after):
    """A job that waits for one that is not there, or for itself, is refused at once."""
    after = [jobs.id("wish") if name == "wish" else name for name in after]
    bus.submit(jobs.spec("wish", after=after))
    rejected = bus.wait_event(jobs.id("wish"), "rejected")
    assert (rejected["code"], rejected["field"]) == ("invalid", "after[0]")
    assert after[0] in rejected["reason"]


def test_all_faults_are_named_at_once(bus, jobs):
    """A job with three faults is told all three."""
    bus.submit(jobs.spec("wrong", epochs=0, priority="now", team="R&D"))
    reason = bus.wait_event(jobs.id("wrong"), "rejected")["reason"]
    assert all(field in reason for field in ("epochs", "priority", "team"))


def test_a_wrong_amend_is_set_aside_with_its_fields(bus, jobs):
    """What can't be read as a change is in the dead letter, with the field and the value."""
    command = bus.command("job.amend", {"job_id": jobs.id("x"), "changes": {"priority": "at once"}}, jobs.id("x"))
    [offset] = bus.produce_all([command])
    reason = bus.wait_dead_letter(offset).headers["oppen_error"].decode()
    assert "priority" in reason and "at once" in reason


def test_structured_mode_is_understood(bus, jobs):
    """A job in structured mode, as text and as base64, is a job; unknown fields and attributes are ignored."""
    import base64

    spec = {**jobs.spec("structured"), "colour": "green"}
    whole = {"specversion": "1.0", "id": "1", "source": "/t", "type": "dev.oppen.job.submit.v1", "traceparent": "00-1-1-0"}
    content = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    bus.produce(json.dumps({**whole, "data": spec}).encode(), spec["job_id"], content)
    other = jobs.spec("base64")
    coded = base64.b64encode(json.dumps(other).encode()).decode()
    bus.produce(json.dumps({**whole, "data_base64": coded}).encode(), other["job_id"], content)
    ids = [spec["job_id"], other["job_id"]]
    bus.wait_ended(ids)
    assert [bus.story(job_id)[-1] for job_id in ids] == ["succeeded", "succeeded"]


def test_secrets_of_the_environment_do_not_reach_reasons(bus, jobs):
    """A value of env may be a password: the reason names the variable, never its value."""
    bus.submit(jobs.spec("secret", env={"OPPEN_PASSWORD": "hunter2-hunter2"}))
    bus.submit(jobs.spec("long", env={"TOKEN": "hunter2-hunter2" + "x" * 40_000}))
    for name in ("secret", "long"):
        assert "hunter2" not in json.dumps(bus.wait_event(jobs.id(name), "rejected"))
