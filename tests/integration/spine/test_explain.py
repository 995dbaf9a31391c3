"""Why a job waits and what a batch would do, asked through the console and on the command line while real jobs wait and run."""

import json
import re
import subprocess
import urllib.error
import urllib.request

import pytest
from harness.worker import program


@pytest.fixture
def ask(world, console):
    """(status, answer) of a GET, or of a POST of `body`, below /api/v1/."""

    def request(path, body=None):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{world.stack.env['OPPEN_CONSOLE_URL']}/api/v1/{path}"
        query = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(query, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return request


@pytest.fixture
def oppen(world, console):
    def run(*arguments, stdin=""):
        env = {"PATH": "/usr/bin:/bin", **world.stack.env}
        return subprocess.run(
            [program("oppen"), *arguments], input=stdin, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    return run


@pytest.fixture
def explain(ask):
    def request(job_id):
        status, answer = ask(f"jobs/{job_id}/explain")
        assert status == 200, answer
        return answer

    return request


def running(bus, jobs, policies, slots=1, **fields):
    """The id of a job that runs until it is cancelled, with so many slots in all."""
    policies.set(max_concurrent_jobs=slots)
    spec = jobs.spec("running", seconds=3600, **fields)
    bus.submit(spec)
    bus.wait_event(spec["job_id"], "started")
    return spec["job_id"]


def test_a_full_slot_and_who_stands_behind(bus, jobs, policies, explain):
    """The first names the slots, those behind it name it and count; each has its place and times in order."""
    first_id = running(bus, jobs, policies)
    specs = [jobs.spec(name) for name in ("head", "second", "third")] + [jobs.spec("low", priority="background")]
    for spec in specs:
        bus.submit(spec)
        bus.wait_queued([spec["job_id"]])
    head, second, third, low = [explain(spec["job_id"]) for spec in specs]
    assert head["reason"] == {
        "kind": "waiting_for_slot", "slots": 1, "taken": 1, "sentence": "waits for a free slot (1 of 1 taken)",
    }  # fmt: skip
    for place, answer in enumerate((head, second, third, low), start=1):
        assert (answer["state"], answer["position"]) == ("queued", place)
        assert answer["start_p50"] <= answer["start_p90"] and answer["start_p50"] < answer["end_p50"]
    assert head["start_p50"] < second["start_p50"] < third["start_p50"] < low["start_p50"]
    for count, answer in enumerate((second, third, low), start=1):
        assert (answer["reason"]["kind"], answer["reason"]["job"], answer["reason"]["count"]) == ("behind", jobs.id("head"), count)
    live = explain(first_id)
    assert live["state"] == "running" and live["started_at"] and "reason" not in live
    bus.cancel(job_id=first_id)
    bus.wait_ended([first_id])
    assert explain(first_id)["state"] == "cancelled"


def test_a_quota_that_is_used_up(bus, jobs, policies, explain):
    """What it lacks and how much of it is free, by the quota's name."""
    running(bus, jobs, policies, slots=10, resources={"cpu": "8"})
    more = [jobs.spec("more", seconds=3600, resources={"cpu": "7"}), jobs.spec("blocked", resources={"cpu": "2"})]
    bus.submit(*more)
    bus.wait_event(more[0]["job_id"], "started")
    bus.wait_queued([more[1]["job_id"]])
    reason = explain(more[1]["job_id"])["reason"]
    assert reason == {
        "kind": "quota", "quota": "ml-training-quota", "resource": "cpu_millicores", "need": 2000, "free": 1000, "allowed": 16000,
        "sentence": "waits for quota ml-training-quota: needs 2 cpu, 1 cpu free",
    }  # fmt: skip


def test_a_quota_that_was_lowered_under_a_job(world, bus, kube, jobs, policies, explain, oppen):
    """The job stays in the queue and says what it needs and what the quota allows; it runs once the quota is raised again."""
    blocker = running(bus, jobs, policies)
    bus.submit(jobs.spec("large", resources={"cpu": "6"}))
    bus.wait_queued([jobs.id("large")])
    quota = "resourcequotas/ml-training-quota"
    before = kube.get(quota)["spec"]["hard"]
    lowered = "waits until quota ml-training-quota is raised: needs 6 cpu, it allows 4 cpu in all"
    try:
        kube.patch(quota, {"spec": {"hard": {"requests.cpu": "4", "limits.cpu": "4"}}})
        bus.wait_for("the reason", lambda: explain(jobs.id("large"))["reason"]["sentence"] == lowered)
        answer = explain(jobs.id("large"))
        assert (answer["reason"]["kind"], answer["reason"]["need"], answer["reason"]["allowed"]) == ("quota", 6000, 4000)
        assert "start_p50" not in answer
        bus.cancel(job_id=blocker)
        bus.wait_ended([blocker])
        said = f"Next slot  free, but the first job {lowered}\n"
        bus.wait_for("the status", lambda: said in oppen("status").stdout)
        assert bus.story(jobs.id("large")) == ["queued"]
    finally:
        kube.patch(quota, {"spec": {"hard": before}})
    bus.wait_ended([jobs.id("large")])
    assert bus.story(jobs.id("large"))[-1] == "succeeded"


def test_a_pause_with_an_end_is_told_with_it(bus, jobs, policies, explain, oppen):
    """The reason, the status and the list know until when; what waits is expected to start then."""
    policies.set(max_concurrent_jobs=1)
    assert oppen("queue", "pause", "--for", "1h").returncode == 0
    try:
        bus.caught_up()
        until = [record for record in bus.records("oppen.control") if record.type == "policy.override"][-1].data["until"]
        bus.submit(jobs.spec("first"), jobs.spec("second"))
        bus.wait_queued([jobs.id("first"), jobs.id("second")])
        answer = explain(jobs.id("first"))
        assert answer["reason"] == {"kind": "paused", "until": until, "sentence": f"waits because the queue is paused until {until}"}
        assert answer["start_p50"] == until
        assert f"Next slot  free, but the queue is paused until {until}\n" in oppen("status").stdout
        listed = {job["job_id"]: job for job in json.loads(oppen("list", "--state", "queued", "-o", "json").stdout)["jobs"]}
        assert listed[jobs.id("first")]["start_p50"] == until < listed[jobs.id("second")]["start_p50"]
        lines = oppen("list", "--state", "queued").stdout.splitlines()
        (first,) = [line for line in lines if line.startswith(jobs.id("first"))]
        assert " ETA " in lines[0] and re.search(r" in (1h 0m|5\dm \d+s) ", first), lines
    finally:
        oppen("queue", "resume")
    bus.wait_ended([jobs.id("first"), jobs.id("second")])


def test_a_batch_above_the_limit_of_its_user(bus, jobs, policies, ask):
    """A simulation says what the submission would: max_jobs_per_user, with who has how many."""
    policies.set(max_jobs_per_user=2)
    kim = jobs.id("kim")
    bus.submit(jobs.spec("mine", seconds=600, user=kim))
    bus.wait_queued([jobs.id("mine")])
    batch = {"batch_id": jobs.id("batch"), "jobs": [jobs.spec("b1", user=kim), jobs.spec("b2", user=kim)]}
    status, answer = ask("simulate", batch)
    bus.submit_batch(batch["batch_id"], batch["jobs"])
    (rejected,) = bus.wait_event(batch["batch_id"], "batch.rejected")["errors"]
    (fault,) = answer["error"]["errors"]
    assert status == 422 and (fault["field"], fault["reason"]) == (rejected["field"], rejected["reason"])
    assert "of whom 1 jobs have not ended: max_jobs_per_user allows 2, which 2 more would exceed" in fault["reason"]
    assert ask("simulate", {"batch_id": "b", "jobs": [jobs.spec("b1", user=kim)]})[0] == 200


def test_what_is_not_there(ask):
    assert ask("jobs/no-such-job/explain")[0] == 404
    assert ask("jobs/NO%20JOB/explain")[0] == 404


def test_a_simulation_comes_true(bus, jobs, policies, ask, explain):
    """The batch is submitted after it was simulated: its jobs and those that waited start in the order that was foretold, and
    about at the cost that was foretold they are queued."""
    blocker = running(bus, jobs, policies)
    waiting = [jobs.spec("waits-1"), jobs.spec("waits-2", priority="background")]
    bus.submit(*waiting)
    bus.wait_queued([spec["job_id"] for spec in waiting])
    for spec in waiting:
        explain(spec["job_id"])  # a simulation may be made of what was read a moment ago: from now on, with these in it
    batch = [jobs.spec(f"b{number}", priority=priority) for number, priority in enumerate(("normal", "background", "urgent", "normal"))]
    status, answer = ask("simulate", {"batch_id": jobs.id("batch"), "jobs": batch})
    assert status == 200, answer
    assert [job["job_id"] for job in answer["jobs"]] == [spec["job_id"] for spec in batch]
    assert [job["position"] for job in answer["jobs"]] == [3, 6, 1, 4]
    assert answer["delayed"]["jobs"] == 2 and answer["delayed"]["longest_job_id"] == jobs.id("waits-2")
    foretold = [job["job_id"] for job in sorted(answer["jobs"], key=lambda job: job["start_p50"])]
    assert not bus.events(batch[0]["job_id"]), "nothing is submitted"

    bus.submit_batch(jobs.id("batch"), batch)
    # Not to the cent: the off-peak price may begin or end between the two.
    cost = bus.wait_event(jobs.id("batch"), "batch.queued")["estimated_cost_microusd"]
    assert cost == pytest.approx(answer["estimated_cost_microusd"], rel=0.55)
    bus.cancel(job_id=blocker)
    everyone = [spec["job_id"] for spec in batch + waiting]
    bus.wait_ended(everyone)
    launched = sorted(everyone, key=lambda job_id: bus.events(job_id, "launched")[0].record.time)
    assert [job_id for job_id in launched if job_id in foretold] == foretold
    assert launched == [jobs.id(name) for name in ("b2", "waits-1", "b0", "b3", "waits-2", "b1")]


def test_what_would_be_refused(bus, jobs, ask):
    """Every fault at once, of the input and of what can never fit; garbage is refused, and the scheduler goes on."""
    good = jobs.spec("good")
    bus.submit(good)
    bus.wait_queued([good["job_id"]])
    status, answer = ask("simulate", {"batch_id": "b", "jobs": [jobs.spec("big", resources={"gpus": 64}), jobs.spec("x", epochs=0)]})
    assert status == 400
    assert [(fault["index"], fault["field"]) for fault in answer["error"]["errors"]] == [(0, "resources"), (1, "epochs")]
    assert answer["error"]["errors"][1]["value"] == "0"
    status, answer = ask("simulate", {"batch_id": "b", "jobs": [jobs.spec("big", resources={"gpus": 64})]})
    assert status == 422 and "64 gpus" in answer["error"]["message"]
    assert ask("simulate", {"batch_id": "b", "jobs": [good]})[0] == 422, "its id is taken"
    for garbage in (b"garbage", b"\xff\x00", b"[]", b"{}", b'{"batch_id":"b","jobs":[7,null,[]]}', b'{"jobs":' + b"[" * 100_000):
        status, answer = ask("simulate", garbage)
        assert status == 400 and answer["error"]["message"], garbage[:40]
    assert ask("simulate", {"batch_id": "b", "jobs": [jobs.spec("fine")]})[0] == 200


def test_the_command_line(bus, jobs, policies, oppen):
    """Text for people, JSON for programs, and the exit codes."""
    running_id = running(bus, jobs, policies)
    waits = jobs.spec("waits")
    bus.submit(waits)
    bus.wait_queued([waits["job_id"]])
    text = oppen("explain", waits["job_id"])
    assert text.returncode == 0, text.stderr
    assert text.stdout.startswith(f"{waits['job_id']} waits for a free slot (1 of 1 taken)\n  Position  1\n")
    assert json.loads(oppen("explain", waits["job_id"], "-o", "json").stdout)["reason"]["kind"] == "waiting_for_slot"
    described = oppen("describe", waits["job_id"])
    assert described.returncode == 0, described.stderr
    assert "\n  Waits         for a free slot (1 of 1 taken)\n  Start         " in described.stdout
    as_json = json.loads(oppen("describe", waits["job_id"], "-o", "json").stdout)
    assert as_json["state"] == "queued" and as_json["explain"]["reason"]["kind"] == "waiting_for_slot"
    assert "explain" not in json.loads(oppen("describe", running_id, "-o", "json").stdout)
    assert oppen("explain", "no-such-job").returncode == 4
    lines = '{"model_type":"mnist"}\n{"model_type":"mnist","priority":"urgent"}\n'
    simulated = oppen("simulate", "-", stdin=lines)
    assert simulated.returncode == 0 and simulated.stdout.startswith("2 jobs: the first starts "), simulated
    assert "1 job that waits already would start later" in simulated.stdout
    assert len(json.loads(oppen("simulate", "-", "-o", "json", stdin=lines).stdout)["jobs"]) == 2
    refused = oppen("simulate", "-", stdin='{"model_type":"mnist","resources":{"gpus":64}}')
    assert refused.returncode == 1 and "jobs[0].resources: needs 64 gpus" in refused.stderr
    assert oppen("simulate", "-", stdin="no JSON").returncode == 2


def test_one_that_does_not_lead_says_so(world, console, ask):
    """A standby answers 503 with a sentence, while the leader answers everything."""
    standby = world.another_scheduler("standby-asked").start()
    try:
        standby.wait("it answers", lambda: standby.readyz()[0])
        status, body = standby.get("/api/v1/jobs/any/explain")
        assert status == 503 and "does not lead" in body
        assert ask("jobs/no-such-job/explain")[0] == 404
    finally:
        assert standby.stop() == 0, standby.tail()
