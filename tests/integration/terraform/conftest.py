"""The fixtures of the tests of terraform/scheduling."""

import pytest
from cluster import Cluster, meaning
from workspace import Workspace


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """A cluster, as deploy/kubernetes has made it, and what that made."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster") / "stack")
    try:
        cluster.up()
        yield cluster, meaning(cluster.objects())
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def kustomized(started):
    """What `kubectl apply -k deploy/kubernetes` makes."""
    return started[1]


@pytest.fixture(scope="module")
def cluster(started):
    """A cluster without any of our objects."""
    started[0].remove_kustomized()
    assert started[0].objects() == {}
    return started[0]


@pytest.fixture
def workspace(cluster, tmp_path):
    """The configuration, not applied."""
    return Workspace(tmp_path, cluster.env["KUBECONFIG"])


@pytest.fixture(scope="module")
def scheduling(cluster, tmp_path_factory):
    """The configuration, applied with its defaults for all tests of a file. Each leaves it so."""
    applied = Workspace(tmp_path_factory.mktemp("scheduling"), cluster.env["KUBECONFIG"])
    applied.apply()
    cluster.wait_for_quotas()
    yield applied
    applied.destroy()
    assert cluster.objects() == {}
