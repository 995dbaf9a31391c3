"""The command line against the real thing: what people and scripts see, and the exit codes."""

import json
import os
import subprocess
import threading

import pytest
from harness.waiting import PATIENCE
from harness.worker import program

DONE, NO, BAD_INPUT, UNREACHABLE, NO_SUCH_THING = range(5)


@pytest.fixture
def oppen(world, console):
    """Runs a command line; its result has code, out, err and, of -o json, data."""

    def run(*arguments, stdin="", env=None):
        done = subprocess.run(
            [program("oppen"), *arguments],
            input=stdin,
            env={**os.environ, **world.stack.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        done.data = None
        if "json" in arguments:
            try:
                done.data = json.loads(done.stdout)
            except json.JSONDecodeError:
                done.data = [json.loads(line) for line in done.stdout.splitlines()]
        return done

    return run


def a_job(jobs, name, *more, seconds=0.2):
    return (
        "submit", "--model-type", "mnist", "--job-id", jobs.id(name), "--gpus", "0", "--cpu", "100m", "--memory", "64Mi",
        "--env", f"SIMULATED_DURATION={int(seconds * 1000)}ms", *more,
    )  # fmt: skip


def test_submit_wait_describe(oppen, bus, jobs):
    """submit says place, wait and cost; wait follows the job to its end; describe and list show it with its metrics."""
    job_id = jobs.id("one")
    submitted = oppen(*a_job(jobs, "one", "--priority", "urgent", "--env", 'SIMULATED_METRICS={"accuracy":0.91}'))
    assert submitted.returncode == DONE, submitted.stderr
    assert job_id in submitted.stdout and "position 1" in submitted.stdout and "$" in submitted.stdout
    waited = oppen("wait", job_id, "--timeout", "60")
    assert (waited.returncode, waited.stdout.strip()) == (DONE, f"Job {job_id} succeeded")
    described = oppen("describe", job_id)
    assert described.returncode == DONE and job_id in described.stdout
    assert "succeeded" in described.stdout and "0.91" in described.stdout
    as_json = oppen("describe", job_id, "-o", "json")
    assert as_json.data["state"] == "succeeded" and as_json.data["job_id"] == job_id
    listed = oppen("list", "--state", "ended", "-o", "json", "--limit", "100000")
    assert job_id in [job["job_id"] for job in listed.data["jobs"]]


def test_status_shows_the_queue(oppen, bus, jobs, policies):
    """status and list show what runs and what waits, in order, as text and JSON."""
    policies.set(max_concurrent_jobs=1)
    assert oppen(*a_job(jobs, "running", seconds=600)).returncode == DONE
    bus.wait_event(jobs.id("running"), "started")
    for name, priority in (("later", "background"), ("sooner", "urgent")):
        assert oppen(*a_job(jobs, name, "--priority", priority)).returncode == DONE
    status = oppen("status")
    assert status.returncode == DONE and "2 jobs (1 urgent, 0 normal, 1 background)" in status.stdout
    assert "1 of 1 slot" in status.stdout
    assert status.stdout.index(jobs.id("sooner")) < status.stdout.index(jobs.id("later"))
    data = oppen("status", "-o", "json").data
    assert (data["running"], data["slots"], data["queued"]["total"]) == (1, 1, 2)
    waiting = oppen("list", "--state", "queued", "-o", "json").data["jobs"]
    assert [job["job_id"] for job in waiting] == [jobs.id("sooner"), jobs.id("later")]
    live = oppen("list", "--state", "live", "-o", "json").data["jobs"]
    assert [job["job_id"] for job in live] == [jobs.id("running")]
    cancelled = oppen("cancel", jobs.id("running"), jobs.id("later"), "--reason", "enough")
    assert cancelled.returncode == DONE, cancelled.stderr
    assert bus.wait_event(jobs.id("later"), "cancelled")["reason"] == "enough"
    assert oppen("wait", jobs.id("sooner")).returncode == DONE


def test_answers_that_are_no(oppen, bus, jobs):
    """Exit code 1 and a reason: rejected, another job of the id, failed, cancelled, ended already."""
    rejected = oppen("submit", "--model-type", "mnist", "--job-id", jobs.id("huge"), "--gpus", "3")
    assert rejected.returncode == NO and "never_fits" in rejected.stderr
    assert oppen(*a_job(jobs, "taken")).returncode == DONE
    assert oppen(*a_job(jobs, "taken")).returncode == DONE, "the same again is no fault"
    conflict = oppen(*a_job(jobs, "taken", "--epochs", "7"))
    assert conflict.returncode == NO and "different" in conflict.stderr
    bus.wait_ended([jobs.id("taken")])
    ended = oppen("cancel", jobs.id("taken"))
    assert ended.returncode == NO and "ended already" in ended.stderr
    assert oppen(*a_job(jobs, "wrong", "--env", "SIMULATED_EXIT_CODE=9")).returncode == DONE
    failed = oppen("wait", jobs.id("wrong"))
    assert failed.returncode == NO and "failed" in failed.stdout and "9" in failed.stdout


def test_jobs_are_changed(oppen, bus, jobs, policies):
    """amend changes what waits and nothing else, retry runs a job anew, and a batch and a team are cancelled whole."""
    policies.set(max_concurrent_jobs=1)
    assert oppen(*a_job(jobs, "runs", "--team", jobs.id("t"), seconds=600)).returncode == DONE
    bus.wait_event(jobs.id("runs"), "started")
    assert oppen(*a_job(jobs, "waits", "--team", jobs.id("t"))).returncode == DONE
    amended = oppen("amend", jobs.id("waits"), "--priority", "urgent", "--batch-size", "32")
    assert amended.returncode == DONE and "priority urgent" in amended.stdout, amended.stderr
    spec = oppen("describe", jobs.id("waits"), "-o", "json").data["spec"]
    assert (spec["priority"], spec["batch_size"]) == ("urgent", 32)
    started = oppen("amend", jobs.id("runs"), "--spot")
    assert started.returncode == NO and "has started already" in started.stderr
    assert oppen("amend", jobs.id("nobody"), "--spot").returncode == NO_SUCH_THING
    assert oppen("retry", jobs.id("runs")).returncode == NO

    lines = json.dumps([jobs.spec(f"of-batch-{number}") for number in range(3)])
    assert oppen("submit-batch", "-", "--batch-id", jobs.id("batch"), stdin=lines).returncode == DONE
    batch = oppen("cancel", "--batch", jobs.id("batch"))
    assert batch.returncode == DONE and "3 jobs cancelled" in batch.stdout, batch.stderr
    assert oppen("cancel", "--batch", jobs.id("batch")).returncode == NO
    assert oppen("cancel", "--batch", jobs.id("nobody")).returncode == NO_SUCH_THING
    team = oppen("cancel", "--team", jobs.id("t"))
    assert team.returncode == DONE and "2 jobs cancelled" in team.stdout, team.stderr
    bus.caught_up()
    assert [bus.story(jobs.id(name))[-1] for name in ("runs", "waits")] == ["cancelled", "cancelled"]

    again = oppen("retry", jobs.id("waits"))
    assert again.returncode == DONE and jobs.id("waits-retry-1") in again.stdout, again.stderr
    assert oppen("wait", jobs.id("waits-retry-1")).returncode == DONE


def test_bad_input_is_refused_before_it_is_sent(oppen, bus, jobs):
    """Exit code 2; nothing reaches the bus; every fault is named."""
    [before] = bus.submit(jobs.spec("before"))
    bad = oppen(*a_job(jobs, "bad", "--epochs", "0", "--team", "R&D"))
    assert bad.returncode == BAD_INPUT and "epochs" in bad.stderr and "team" in bad.stderr
    assert oppen("submit", "--no-such-flag").returncode == BAD_INPUT
    assert oppen("no-such-command").returncode == BAD_INPUT
    assert oppen("submit", "-f", "-", stdin="no JSON").returncode == BAD_INPUT
    mistyped = oppen("submit", "-f", "-", stdin='{"model_type": "mnist", "epoch": 3}')
    assert mistyped.returncode == BAD_INPUT and "epoch" in mistyped.stderr
    batch = oppen("submit-batch", "-", stdin='{"model_type":"mnist","epochs":0}\n{"model_type":""}\n{"model_type":"mnist"}')
    assert batch.returncode == BAD_INPUT and "jobs[0].epochs" in batch.stderr and "jobs[1].model_type" in batch.stderr
    [after] = bus.submit(jobs.spec("after"))
    assert after == before + 1
    bus.wait_ended([jobs.id("before"), jobs.id("after")])


def test_no_such_thing(oppen, jobs):
    """Exit code 4."""
    for command in (["describe"], ["wait"], ["cancel"], ["logs"]):
        answer = oppen(*command, jobs.id("nobody"))
        assert answer.returncode == NO_SUCH_THING and jobs.id("nobody") in answer.stderr, command


def test_what_cannot_be_reached(oppen, jobs):
    """Exit code 3, and the sentence names the setting."""
    nowhere = {"OPPEN_KAFKA_BROKERS": "127.0.0.1:9", "OPPEN_CONSOLE_URL": "http://127.0.0.1:9"}
    for command, setting in ((a_job(jobs, "x"), "OPPEN_KAFKA_BROKERS"), (["status"], "OPPEN_CONSOLE_URL")):
        answer = oppen(*command, env=nowhere)
        assert answer.returncode == UNREACHABLE and setting in answer.stderr, answer.stderr
    assert oppen("wait", "nobody", env={"OPPEN_CONSOLE_URL": nowhere["OPPEN_CONSOLE_URL"]}).returncode == UNREACHABLE
    assert oppen("health", env=nowhere).returncode == UNREACHABLE
    assert oppen("health").returncode == DONE


def test_a_batch(oppen, bus, jobs):
    """submit-batch queues all lines at once, numbers those without an id, keeps to its ceiling, and describe shows the batch."""
    lines = "\n".join(json.dumps({key: value for key, value in jobs.spec("x").items() if key != "job_id"}) for _ in range(5))
    poor = oppen("submit-batch", "-", "--batch-id", jobs.id("poor"), "--max-total", "0.000001", stdin=lines)
    assert poor.returncode == NO and "ceiling" in poor.stderr
    queued = oppen("submit-batch", "-", "--batch-id", jobs.id("batch"), "--max-total", "10", stdin=lines)
    assert queued.returncode == DONE and "5 jobs" in queued.stdout, queued.stderr
    ids = [f"{jobs.id('batch')}-{number}" for number in range(1, 6)]
    assert oppen("wait", *ids).returncode == DONE
    again = oppen("submit-batch", "-", "--batch-id", jobs.id("batch"), "--max-total", "10", stdin=lines)
    assert again.returncode == DONE and "known already" in again.stdout
    described = oppen("describe", jobs.id("batch"))
    assert described.returncode == DONE and all(job_id in described.stdout for job_id in ids)


def test_watch(world, console, bus, jobs):
    """watch jobs prints the life of a job as it happens, as JSON lines, until it is interrupted."""
    watching = subprocess.Popen(
        [program("oppen"), "watch", "jobs", "--job", jobs.id("seen"), "--from-beginning", "-o", "json"],
        env={**os.environ, **world.stack.env},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(PATIENCE, watching.kill)  # ends the reading of what does not come
    deadline.start()
    try:
        bus.submit(jobs.spec("not-seen"), jobs.spec("seen"))
        seen = [json.loads(watching.stdout.readline()) for _ in range(4)]
        assert watching.poll() is None, "it ended by itself"
    finally:
        deadline.cancel()
        watching.terminate()
        watching.wait(30)
    assert [event["event"] for event in seen] == ["job.queued", "job.launched", "job.started", "job.succeeded"]
    assert {event["job_id"] for event in seen} == {jobs.id("seen")}


def test_dead_letters(oppen, bus, jobs):
    """A record that was set aside is listed with its reason, shown whole, and published again."""
    offset = bus.produce(b"no JSON at all", jobs.id("letter"), [])
    letter = bus.wait_dead_letter(offset).offset
    listed = oppen("dead-letter", "list")
    assert listed.returncode == DONE and jobs.id("letter") in listed.stdout and "specversion" in listed.stdout
    shown = oppen("dead-letter", "list", "--show", str(letter))
    assert shown.returncode == DONE and "no JSON at all" in shown.stdout
    replayed = oppen("dead-letter", "replay", str(letter), "--yes", "-o", "json")
    assert replayed.returncode == DONE, replayed.stderr
    again = replayed.data["new_offset"]
    assert bus.wait_dead_letter(again).value == b"no JSON at all"
    assert oppen("dead-letter", "replay", "999999999", "--yes").returncode == NO_SUCH_THING
    assert oppen("dead-letter", "replay").returncode == BAD_INPUT


def test_logs_of_a_simulated_pod(oppen, bus, jobs):
    """Simulated pods have no logs: the answer is a sentence and not exit code 0."""
    bus.submit(jobs.spec("silent", seconds=600))
    bus.wait_event(jobs.id("silent"), "started")
    answer = oppen("logs", jobs.id("silent"))
    assert answer.returncode in (UNREACHABLE, NO_SUCH_THING) and answer.stderr.startswith("oppen: "), answer
