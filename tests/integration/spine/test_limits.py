"""What the API server sees never goes above max_concurrent_jobs or a quota; what does not fit waits, and is not failed."""

import random

from harness.kube import GPU, PodWatch, requests
from harness.waiting import wait_until


def test_slots_and_quotas_hold_at_every_moment(bus, kube, jobs, policies):
    """60 random jobs with and without GPUs over 8 slots: at no moment of the watch are there more than 8 pods, 2 GPUs (the quota),
    or 1 GPU in the hands of background jobs (theirs); all of them run in the end."""
    policies.set(max_concurrent_jobs=8)
    draw = random.Random(7)
    specs = [
        jobs.spec(
            str(number),
            seconds=draw.choice((0, 0.1, 0.3)),
            priority=draw.choice(("urgent", "normal", "background")),
            resources={"gpus": draw.choice((0, 1))},
        )
        for number in range(60)
    ]
    ids = [spec["job_id"] for spec in specs]
    with PodWatch(kube) as watch:
        bus.submit(*specs)
        bus.wait_ended(ids, deadline=180)
    assert {bus.story(job_id)[-1] for job_id in ids} == {"succeeded"}
    assert all(len(watch.uids_of(job_id)) == 1 for job_id in ids)

    def gpus(pods, *classes):
        return sum(requests(pod, GPU) for pod in pods if not classes or pod["spec"]["priorityClassName"] in classes)

    assert 1 < watch.peak(len) <= 8
    assert 0 < watch.peak(gpus) <= 2
    assert watch.peak(lambda pods: gpus(pods, "background")) <= 1


def test_a_pod_that_is_not_ours_takes_its_part_of_the_quota(bus, kube, jobs):
    """Somebody else's pods hold both GPUs: a GPU job waits, without an attempt; it starts when one of them is gone."""
    container = {"name": "main", "image": "oppen.dev/simulated:1", "env": [{"name": "SIMULATED_DURATION", "value": "600s"}]}
    container["resources"] = {"limits": {GPU: "1", "cpu": "100m", "memory": "64Mi"}}
    names = [jobs.id("foreign-1"), jobs.id("foreign-2")]

    def created(name):
        pod = {"metadata": {"name": name}, "spec": {"containers": [container], "restartPolicy": "Never"}}
        status, found = kube.request("POST", "pods", pod)
        if status == 403 and "exceeded quota" in found["message"]:
            return False  # Kubernetes has not yet counted that the pods of earlier tests have ended
        assert status == 201, found
        return True

    try:
        for name in names:
            wait_until("the quota to be free", lambda: created(name))
        for name in names:
            kube.wait_pod(name, "running", lambda pod: pod["status"].get("phase") == "Running")
        waiting, going = jobs.spec("waiting", resources={"gpus": 1}), jobs.spec("going", priority="urgent")
        bus.submit(waiting, going)
        bus.wait_ended([going["job_id"]])
        assert bus.story(waiting["job_id"]) == ["queued"]
        kube.delete(f"pods/{names[0]}")
        bus.wait_ended([waiting["job_id"]])
    finally:
        for name in names:
            kube.delete(f"pods/{name}")
    assert bus.story(waiting["job_id"]) == ["queued", "launched", "started", "succeeded"]
    assert bus.life(waiting["job_id"])[-1].data["attempt"] == 1


def test_a_quota_that_grows_lets_waiting_jobs_go(bus, kube, jobs):
    """A job that waits for quota starts when the quota is raised, with no other event."""
    quota = "resourcequotas/ml-training-quota"
    before = kube.get(quota)["spec"]["hard"]
    try:
        running = [jobs.spec(f"running-{number}", seconds=600, resources={"gpus": 1}) for number in range(2)]
        bus.submit(*running)
        for spec in running:
            bus.wait_event(spec["job_id"], "started")
        waiting = jobs.spec("waiting", resources={"gpus": 1})
        bus.submit(waiting)
        bus.wait_queued([waiting["job_id"]])
        kube.patch(quota, {"spec": {"hard": {"requests.nvidia.com/gpu": "3"}}})
        bus.wait_ended([waiting["job_id"]])
        assert bus.story(waiting["job_id"])[-1] == "succeeded"
        assert not bus.ended(running[0]["job_id"])
    finally:
        kube.patch(quota, {"spec": {"hard": before}})


def test_what_can_never_fit_is_refused_at_once(bus, jobs):
    """More than the whole quota or than the namespace lets one pod have: rejected as never_fits, with amount and limit named."""
    wanted = {
        "gpus": {"gpus": 3},
        "one-pod": {"gpus": 2},
        "cpu": {"cpu": "17"},
        "pod-cpu": {"cpu": "9"},
        "memory": {"memory": "33Gi"},
    }
    bus.submit(*[jobs.spec(name, resources=amounts) for name, amounts in wanted.items()])
    bus.submit(jobs.spec("background", priority="background", resources={"memory": "5Gi"}))
    for name in (*wanted, "background"):
        rejected = bus.wait_event(jobs.id(name), "rejected")
        assert (rejected["code"], rejected["field"], rejected["state"]) == ("never_fits", "resources", "rejected")
        assert bus.story(jobs.id(name)) == ["rejected"]
    assert "3 gpus" in bus.events(jobs.id("gpus"))[0].data["reason"]
    assert "33Gi" in bus.events(jobs.id("memory"))[0].data["reason"]
    assert "background" in bus.events(jobs.id("background"))[0].data["reason"]
