"""The life of a job, as the bus and the cluster tell it: every step in order, with everything that a consumer needs, and a pod
as the contract describes it."""

from harness.kube import GPU, PodWatch
from harness.waiting import wait_until

CONTEXT = {
    "job_id", "seq", "attempt", "state", "name", "model_type", "workload_type", "priority", "team", "project", "user",
    "resources", "spot", "epochs", "batch_size",
}  # fmt: skip
FINALIZER = "oppen.dev/reported"


def a_whole_job(jobs, name="whole", **fields):
    return jobs.spec(
        name,
        resources={"gpus": 1, "gpu_type": "A100", "cpu": "500m", "memory": "1Gi"},
        name="a whole job",
        workload_type="batch",
        priority="urgent",
        epochs=3,
        batch_size=32,
        args=["--fast"],
        team="research",
        project="digits",
        user="ada",
        labels={"sweep": "seven"},
        max_runtime_seconds=600,
        **fields,
    )


def test_a_job_goes_its_way_step_by_step(bus, jobs):
    """queued, launched, started, succeeded: seq 1 to 4, each with the whole context, ids made of the cause, all on one partition;
    what the container left in its termination log arrives as metrics and as run.completed."""
    spec = a_whole_job(jobs, env={"SIMULATED_METRICS": '{"accuracy": 0.987, "latency_p99_ms": 12}'})
    [offset] = bus.submit(spec)
    job_id = spec["job_id"]
    bus.wait_ended([job_id])

    life = bus.life(job_id)
    assert [step.kind for step in life] == ["queued", "launched", "started", "succeeded"]
    assert [step.seq for step in life] == [1, 2, 3, 4]
    assert [step.data["state"] for step in life] == ["queued", "launching", "running", "succeeded"]
    assert [step.data["attempt"] for step in life] == [0, 1, 1, 1]
    assert [step.record.id for step in life] == [f"{job_id}/{seq}" for seq in (1, 2, 3, 4)]
    assert len({step.record.partition for step in life}) == 1
    for step in life:
        assert step.record.headers["ce_specversion"] == b"1.0"
        assert step.record.headers["ce_source"] == b"/oppen/scheduler"
        assert step.record.headers["ce_subject"].decode() == job_id
        assert step.record.headers["content-type"] == b"application/json"
        assert CONTEXT <= step.data.keys(), step
        same = ("name", "model_type", "workload_type", "priority", "team", "project", "user", "epochs", "batch_size")
        assert {field: step.data[field] for field in same} == {field: spec[field] for field in same}
        assert step.data["resources"] == {"gpus": 1, "gpu_type": "A100", "cpu": "500m", "memory": "1Gi"}

    queued, launched, started, succeeded = [step.data for step in life]
    assert queued["source_offset"] == offset
    assert queued["position"] >= 1 and queued["estimated_cost_microusd"] > 0
    assert queued["estimated_wait_seconds"] >= 0 and queued["estimated_duration_seconds"] > 0
    assert queued["spec"]["args"] == ["--fast"] and queued["spec"]["image"] == "oppen.dev/simulated:1"
    assert queued["spec"]["max_retries"] == 0
    assert (launched["pod"], launched["namespace"]) == (f"{job_id}-1", "ml-training")
    assert (started["node"], started["gpu_type"]) == ("simulated-a100", "A100")
    for field in ("pod", "namespace", "node", "gpu_type", "started_at"):
        assert succeeded[field] == started[field]
    assert succeeded["ended_at"] >= succeeded["started_at"] and succeeded["duration_seconds"] >= 0
    assert succeeded["metrics"] == {"accuracy": 0.987, "latency_p99_ms": 12}

    [run] = bus.wait_for("run.completed", lambda: [r for r in bus.records("oppen.runs") if r.key == job_id])
    assert run.type == "run.completed" and run.id == f"{job_id}/1/run"
    data = run.data
    assert (data["job_id"], data["attempt"], data["status"]) == (job_id, 1, "succeeded")
    assert data["metrics"] == succeeded["metrics"] and data["gpu_type"] == "A100" and data["gpus"] == 1
    for field in ("model_type", "workload_type", "epochs", "batch_size", "priority", "spot", "team", "project", "resources"):
        assert data[field] == succeeded[field]


def test_the_pod_is_as_the_contract_says(bus, kube, jobs):
    """Name, labels, annotations, finalizer, class, container, environment and amounts of a running pod; the finalizer is gone
    once the end has been published, the pod stays to be looked at."""
    spec = a_whole_job(jobs, seconds=2, env={"LEARNING_RATE": "0.1"})
    job_id = spec["job_id"]
    with PodWatch(kube) as watch:  # it shows the pod as it was created, also when that has ended by now
        bus.submit(spec)
        bus.wait_event(job_id, "launched")
        pod = wait_until("the pod is seen", lambda: watch.first.get(f"{job_id}-1"))

    meta = pod["metadata"]
    assert meta["labels"] == {
        "app.kubernetes.io/managed-by": "oppen",
        "oppen.dev/job-id": job_id,
        "oppen.dev/attempt": "1",
        "oppen.dev/model-type": "mnist",
        "oppen.dev/workload-type": "batch",
        "oppen.dev/priority": "urgent",
        "oppen.dev/team": "research",
        "oppen.dev/project": "digits",
        "sweep": "seven",
    }
    assert len(meta["annotations"]["oppen.dev/spec-hash"]) == 16
    claims = [record for record in bus.records("oppen.control") if record.type == "leader.claimed"]
    assert meta["annotations"]["oppen.dev/epoch"] == str(claims[-1].offset)
    assert meta["finalizers"] == [FINALIZER]
    assert pod["spec"]["priorityClassName"] == "urgent" and pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["activeDeadlineSeconds"] == 600
    assert pod["spec"]["nodeSelector"]["nvidia.com/gpu.product"] == "A100"
    [container] = pod["spec"]["containers"]
    assert container["name"] == "train" and container["args"] == ["--fast"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert environment == {
        "OPPEN_JOB_ID": job_id,
        "OPPEN_ATTEMPT": "1",
        "OPPEN_MODEL_TYPE": "mnist",
        "OPPEN_EPOCHS": "3",
        "OPPEN_BATCH_SIZE": "32",
        "LEARNING_RATE": "0.1",
        "SIMULATED_DURATION": "2000ms",
    }
    amounts = {GPU: "1", "cpu": "500m", "memory": "1Gi"}
    assert container["resources"]["requests"] == amounts and container["resources"]["limits"] == amounts

    bus.wait_ended([job_id])
    pod = kube.wait_pod(f"{job_id}-1", "without finalizer", lambda pod: not pod["metadata"].get("finalizers"))
    assert pod["status"]["phase"] == "Succeeded"


def test_what_is_not_said_comes_from_the_catalogue(bus, jobs):
    """A job of nothing but id and model type gets the catalogue's image and amounts and the policies' defaults."""
    job_id = jobs.id("bare")
    bus.submit({"job_id": job_id, "model_type": "mnist"})
    queued = bus.wait_event(job_id, "queued")
    assert queued["priority"] == "normal" and queued["workload_type"] == "training" and queued["name"] == job_id
    assert queued["resources"] == {"gpus": 1, "cpu": "1", "memory": "2Gi"}
    assert queued["spec"]["image"] == "oppen.dev/simulated:1"
    assert queued["spec"]["max_runtime_seconds"] == 86400
    bus.cancel(job_id=job_id)
    bus.wait_ended([job_id])  # it may have succeeded first: it runs for seconds


def test_failures_are_told_apart(bus, jobs):
    """A program that fails is user_error with its exit code, one that took too much memory oom, one that took too long deadline;
    each is the last event of its job, and a run that reported before it failed is told as failed."""
    wrong = jobs.spec("wrong", env={"SIMULATED_EXIT_CODE": "3", "SIMULATED_METRICS": '{"accuracy": 0.1}'})
    greedy = jobs.spec("greedy", env={"SIMULATED_EXIT_CODE": "137", "SIMULATED_REASON": "OOMKilled"})
    slow = jobs.spec("slow", seconds=600, max_runtime_seconds=1)
    bus.submit(wrong, greedy, slow)
    bus.wait_ended([spec["job_id"] for spec in (wrong, greedy, slow)])
    ends = {}
    for spec in (wrong, greedy, slow):
        assert bus.story(spec["job_id"]) == ["queued", "launched", "started", "failed"]
        ends[spec["job_id"]] = bus.life(spec["job_id"])[-1].data
    end = ends[wrong["job_id"]]
    assert (end["class"], end["exit_code"], end["state"]) == ("user_error", 3, "failed") and "3" in end["message"]
    assert ends[greedy["job_id"]]["class"] == "oom"
    assert ends[slow["job_id"]]["class"] == "deadline"
    [run] = bus.wait_for("the run", lambda: [r for r in bus.records("oppen.runs") if r.key == wrong["job_id"]])
    assert run.data["status"] == "failed" and run.data["metrics"] == {"accuracy": 0.1}


def test_a_failed_attempt_is_followed_by_another(bus, kube, jobs):
    """max_retries gives a new attempt in a pod of its own, job.requeued between them, and job.failed only once, at the end."""
    spec = jobs.spec("again", max_retries=1, env={"SIMULATED_EXIT_CODE": "1"})
    bus.submit(spec)
    job_id = spec["job_id"]
    bus.wait_ended([job_id])
    life = bus.life(job_id)
    assert [step.kind for step in life] == [
        "queued", "launched", "started", "requeued", "launched", "started", "failed",
    ]  # fmt: skip
    assert [step.seq for step in life] == list(range(1, 8))
    requeued = life[3].data
    assert (requeued["class"], requeued["exit_code"], requeued["pod"]) == ("user_error", 1, f"{job_id}-1")
    assert life[-1].data["pod"] == f"{job_id}-2" and life[-1].data["attempt"] == 2
    assert [pod["metadata"]["name"] for pod in kube.pods([job_id])] == [f"{job_id}-1", f"{job_id}-2"]


def test_a_pod_that_somebody_deletes_is_lost(bus, kube, jobs, policies):
    """A running pod deleted by hand ends its attempt as lost, after its finalizer has let us see the end; it is gone then. The job is tried
    again at no cost of its own, as often as the policy allows."""
    policies.set(max_fault_retries=1)
    spec = jobs.spec("deleted", seconds=600)
    bus.submit(spec)
    job_id = spec["job_id"]
    bus.wait_event(job_id, "started")
    kube.delete(f"pods/{job_id}-1")
    requeued = bus.wait_event(job_id, "requeued")
    assert requeued["class"] == "lost" and requeued["pod"] == f"{job_id}-1" and "retry_at" not in requeued
    kube.wait_pod(f"{job_id}-1", "gone", lambda pod: pod is None)
    bus.wait_event(job_id, "started", count=2)
    [preferred] = kube.pod(f"{job_id}-2")["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["preference"]["matchExpressions"][0]["values"] == [requeued["node"]]
    kube.delete(f"pods/{job_id}-2")
    failed = bus.wait_event(job_id, "failed")
    assert failed["class"] == "lost" and failed["pod"] == f"{job_id}-2"
