"""How the configuration comes and goes: it takes over what `kubectl apply -k` has made without touching it, two namespaces share
a cluster's priority classes, and destroy leaves nothing."""

from cluster import meaning, versions
from workspace import Workspace


def test_it_takes_over_what_kustomize_made(cluster, workspace, kustomized):
    cluster.kustomize()
    cluster.wait_for_counts()
    before = versions(cluster.objects())
    workspace.apply()
    assert versions(cluster.objects()) == before
    assert not workspace.plan_changes()
    cluster.kustomize()
    assert meaning(cluster.objects()) == kustomized
    assert not workspace.plan_changes()
    workspace.destroy()
    assert cluster.objects() == {}
    cluster.remove_kustomized()  # the cluster role, which is not Terraform's


def test_two_namespaces_in_one_cluster(cluster, workspace, kustomized, tmp_path_factory):
    workspace.apply()
    other = Workspace(tmp_path_factory.mktemp("other"), cluster.env["KUBECONFIG"])
    settings = {"namespace": "vision", "create_priority_classes": False}
    other.apply(**settings)
    assert not other.plan_changes(**settings)
    assert not workspace.plan_changes()
    there = meaning(cluster.objects("vision"))
    assert set(there) == {name.replace("ml-training", "vision") for name in kustomized}
    for name in ("scheduling-policies", "cost-model"):
        assert there[f"ConfigMap/{name}"]["data"] == kustomized[f"ConfigMap/{name}"]["data"]
    assert there["ResourceQuota/vision-background-quota"]["spec"] == kustomized["ResourceQuota/ml-training-background-quota"]["spec"]
    other.destroy(**settings)
    assert meaning(cluster.objects()) == kustomized
    assert {name.split("/")[0] for name in cluster.objects("vision")} == {"PriorityClass"}
    workspace.destroy()
    assert cluster.objects() == {}
    assert workspace.run("state", "list").stdout == ""
