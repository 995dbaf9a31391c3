"""What terraform/scheduling makes with its defaults: the same objects as deploy/kubernetes, which hold what they are there to
hold, and which a second apply leaves alone."""

import pathlib

import pytest
from cluster import ROOT, meaning, versions


@pytest.fixture
def pods(cluster, scheduling):
    cluster.wait_for_counts()  # the pods of the last test may be counted for a moment after they are gone
    yield cluster
    cluster.delete_pods()


def test_it_is_formatted_and_valid(scheduling):
    scheduling.run("fmt", "-check", "-diff", "-recursive", str(pathlib.Path(ROOT, "terraform")))
    scheduling.run("validate")


def test_it_makes_the_same_objects_as_kustomize(scheduling, cluster, kustomized):
    made = meaning(cluster.objects())
    assert made == kustomized
    kinds = sorted(name.split("/")[0] for name in made)
    assert kinds == ["ConfigMap"] * 2 + ["LimitRange", "Namespace"] + ["PriorityClass"] * 3 + ["ResourceQuota"] * 2
    assert len(made["ConfigMap/scheduling-policies"]["data"]) == 9
    assert len(made["ConfigMap/cost-model"]["data"]) == 11


def test_its_outputs_name_them(scheduling):
    assert scheduling.outputs() == {
        "namespace": "ml-training",
        "priority_classes": {"urgent": 1000, "normal": 100, "background": 10},
        "resource_quotas": ["ml-training-quota", "ml-training-background-quota"],
        "limit_range": "ml-training-limits",
        "config_maps": ["scheduling-policies", "cost-model"],
    }


def test_a_second_apply_changes_nothing(scheduling, cluster):
    cluster.wait_for_counts()
    before = versions(cluster.objects())
    assert not scheduling.plan_changes()
    assert "0 added, 0 changed, 0 destroyed" in scheduling.apply().stdout
    assert versions(cluster.objects()) == before


def test_what_somebody_changes_by_hand_is_seen_and_put_back(scheduling, cluster, kustomized):
    patch = '{"spec":{"hard":{"requests.nvidia.com/gpu":"20"}}}'
    cluster.kubectl("patch", "resourcequota", "ml-training-quota", "-n", "ml-training", "--patch", patch)
    assert scheduling.plan_changes()
    scheduling.apply()
    assert meaning(cluster.objects()) == kustomized


def test_a_pod_with_three_gpus_is_refused_and_one_with_one_admitted(pods):
    refused = pods.create_pod("greedy", 3)
    assert refused.returncode != 0
    assert "maximum nvidia.com/gpu usage per Pod is 1, but limit is 3" in refused.stderr
    admitted = pods.create_pod("modest", 1)
    assert admitted.returncode == 0, admitted.stderr


def test_all_training_together_gets_two_gpus(pods):
    for name in ("first", "second"):
        assert pods.create_pod(name, 1).returncode == 0
    refused = pods.create_pod("third", 1)
    assert "exceeded quota: ml-training-quota, requested: requests.nvidia.com/gpu=1" in refused.stderr


def test_background_jobs_get_one_of_them(pods):
    assert pods.create_pod("first", 1, "background").returncode == 0
    refused = pods.create_pod("second", 1, "background")
    assert "exceeded quota: ml-training-background-quota, requested: requests.nvidia.com/gpu=1" in refused.stderr
    assert pods.create_pod("third", 1, "urgent").returncode == 0
