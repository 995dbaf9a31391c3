"""A node that dies: its jobs end as lost with it or are tried again elsewhere, and no pod of it stays."""

import pytest


@pytest.fixture
def world(rough_world):
    return rough_world


def test_the_simulated_nodes_die(world, bus, kube, jobs, policies):
    """kwok stops giving signs of life for its nodes, so that Kubernetes takes them for not ready. A job without retries fails with class
    node, one with retries waits for another node, a cancelled one is cancelled; their pods go although no kubelet ends them. When the
    nodes are back, what was to be tried again runs."""
    policies.set(max_concurrent_jobs=3, node_lost_after_seconds=1, max_fault_retries=0)
    once = jobs.spec("once", seconds=600)
    again = jobs.spec("again", seconds=600, max_retries=1)
    dropped = jobs.spec("dropped", seconds=600)
    ids = {spec["job_id"] for spec in (once, again, dropped)}
    bus.submit(once, again, dropped)
    for job_id in ids:
        bus.wait_event(job_id, "started")
    first_pods = {pod["metadata"]["name"] for pod in kube.pods(ids)}
    world.stack.pause("kwok")
    try:
        bus.cancel(job_id=dropped["job_id"])
        failed = bus.wait_event(once["job_id"], "failed", deadline=240)
        assert failed["class"] == "node" and "node_lost_after_seconds" in failed["message"]
        assert failed["node"] and failed["node"] in failed["message"]
        assert bus.wait_event(again["job_id"], "requeued")["class"] == "node"
        bus.wait_event(dropped["job_id"], "cancelled")
        for name in first_pods:
            kube.wait_pod(name, "gone", lambda pod: pod is None)
        # A node that is back is taken for away for up to a second more: what starts there meanwhile must not be lost by it.
        policies.set(node_lost_after_seconds=86400)
    finally:
        world.stack.resume("kwok")
    second = bus.wait_event(again["job_id"], "started", count=2, deadline=120)
    assert second["attempt"] == 2
    assert bus.story(once["job_id"]) == ["queued", "launched", "started", "failed"]
    assert bus.story(again["job_id"]) == ["queued", "launched", "started", "requeued", "launched", "started"]
