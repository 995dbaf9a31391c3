"""Jobs that wait for other jobs, for the cheap hours, or for a while after they failed; and jobs that are changed while they wait."""

import datetime

import pytest


def amend(bus, job_id, **changes):
    bus.produce_all([bus.command("job.amend", {"job_id": job_id, "changes": changes, "requested_by": "ann"}, job_id)])


def test_a_chain_runs_in_its_order_and_breaks_where_one_fails(bus, kube, jobs):
    """Each starts when all that it names have succeeded, though slots are free; what waits for a failed one fails with class dependency."""
    data, train, check = jobs.spec("data", seconds=1), jobs.spec("train"), jobs.spec("check")
    train["after"], check["after"] = [data["job_id"]], [data["job_id"], train["job_id"]]
    wrong = jobs.spec("wrong", env={"SIMULATED_EXIT_CODE": "1"})
    report = {**jobs.spec("report"), "after": [wrong["job_id"]]}
    mail = {**jobs.spec("mail"), "after": [report["job_id"]]}
    bus.submit(data, train, check, wrong, report, mail)
    ids = [spec["job_id"] for spec in (data, train, check, wrong, report, mail)]
    bus.wait_ended(ids)
    assert [bus.story(job_id)[-1] for job_id in ids] == ["succeeded"] * 3 + ["failed"] * 3
    ends = {pod["metadata"]["name"]: pod["status"] for pod in kube.pods(ids)}
    assert len(ends) == 4  # of report and mail there never was a pod
    times = [bus.wait_event(job_id, "succeeded") for job_id in ids[:3]]
    assert times[0]["ended_at"] <= times[1]["started_at"] and times[1]["ended_at"] <= times[2]["started_at"]
    for job_id, cause in ((ids[4], ids[3]), (ids[5], ids[4])):
        failed = bus.wait_event(job_id, "failed")
        assert failed["class"] == "dependency" and cause in failed["message"]


def test_jobs_of_a_batch_wait_for_each_other(bus, jobs):
    """In whatever order they stand in it."""
    last, first = jobs.spec("last"), jobs.spec("first")
    last["after"] = [first["job_id"]]
    bus.submit_batch(jobs.id("batch"), [last, first])
    bus.wait_ended([first["job_id"], last["job_id"]])
    ends = [bus.wait_event(spec["job_id"], "succeeded") for spec in (first, last)]
    assert ends[0]["ended_at"] <= ends[1]["started_at"]


def test_an_off_peak_job_waits_for_the_window(bus, jobs, window):
    """Outside the window it is queued and told when it opens; others go. When the window is moved to now, it goes."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    window(f"{now + 2 * hour:%H}:00-{now + 3 * hour:%H}:00 UTC")
    night, day = {**jobs.spec("night"), "window": "off_peak"}, jobs.spec("day")
    bus.submit(night, day)
    bus.wait_ended([day["job_id"]])
    assert bus.story(night["job_id"]) == ["queued"]
    queued = bus.wait_step(night["job_id"], "queued")
    opens = (now + 2 * hour).replace(minute=0, second=0, microsecond=0)
    wait = (opens - datetime.datetime.fromisoformat(queued.record.time)).total_seconds()
    assert queued.data["estimated_wait_seconds"] == pytest.approx(wait, abs=5)
    window(f"{now - hour:%H}:00-{now + 2 * hour:%H}:00 UTC")
    bus.wait_ended([night["job_id"]])
    assert bus.story(night["job_id"])[-1] == "succeeded"


def test_holds_outlive_the_scheduler_and_redis(world, bus, jobs):
    """The scheduler is killed and Redis emptied while a job waits for another one: it still waits, and goes when that has succeeded."""
    first, then = jobs.spec("first", seconds=15), jobs.spec("then")
    then["after"] = [first["job_id"]]
    bus.submit(first, then)
    bus.wait_event(first["job_id"], "started")
    bus.wait_queued([then["job_id"]])
    world.scheduler.kill()
    world.stack.redis("FLUSHALL")
    world.scheduler.start()
    bus.wait_ended([first["job_id"], then["job_id"]], deadline=180)  # it reads all that earlier tests have left in the log
    ends = [bus.wait_event(spec["job_id"], "succeeded") for spec in (first, then)]
    assert ends[0]["ended_at"] <= ends[1]["started_at"]


def test_a_failed_run_is_held_before_the_next(bus, jobs, policies):
    """retry_at tells until when, and the next attempt does not start before; the second hold is twice as long."""
    policies.set(retry_hold_seconds=1)
    spec = jobs.spec("again", max_retries=2, env={"SIMULATED_EXIT_CODE": "1"})
    bus.submit(spec)
    bus.wait_ended([spec["job_id"]])
    held = [step.data for step in bus.life(spec["job_id"]) if step.kind == "requeued"]
    starts = [step.data["started_at"] for step in bus.life(spec["job_id"]) if step.kind == "started"]
    parse = datetime.datetime.fromisoformat
    waits = [(parse(one["retry_at"]) - parse(one["ended_at"])).total_seconds() for one in held]
    assert waits == [1, 2]
    # Kubernetes tells starts in whole seconds.
    assert all(parse(start) >= parse(one["retry_at"]).replace(microsecond=0) for one, start in zip(held, starts[1:]))


def test_a_job_that_waits_can_be_changed(bus, jobs, policies):
    """An amended job goes by its new priority, and the change is told; one that has started is not changed, and that is told, too."""
    policies.set(max_concurrent_jobs=1)
    block, first, second = jobs.spec("block", seconds=600), jobs.spec("first"), jobs.spec("second")
    bus.submit(block, first, second)
    bus.wait_event(block["job_id"], "started")
    bus.wait_queued([first["job_id"], second["job_id"]])
    amend(bus, second["job_id"], priority="urgent", batch_size=128)
    amended = bus.wait_event(second["job_id"], "amended")
    assert (amended["priority"], amended["batch_size"], amended["requested_by"]) == ("urgent", 128, "ann")
    amend(bus, block["job_id"], spot=True)
    assert bus.wait_event(block["job_id"], "amend-refused")["why"] == "started"
    amend(bus, jobs.id("nobody"), spot=True)
    assert bus.wait_event(jobs.id("nobody"), "amend-refused")["why"] == "unknown"
    amend(bus, first["job_id"], gpu_type="no-such-type")
    assert bus.wait_event(first["job_id"], "amended")["resources"]["gpu_type"] == "no-such-type"
    bus.cancel(job_id=block["job_id"])
    bus.wait_ended([second["job_id"]])
    assert bus.story(second["job_id"]) == ["queued", "amended", "launched", "started", "succeeded"]
