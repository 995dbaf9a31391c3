"""What a cluster is given: the manifests, by the real API server, and an image of a worker, in which it runs."""

import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest
from harness.stack import ROOT
from harness.worker import Worker, program


def kubectl(world, *arguments, stdin=None):
    command = [world.stack.env["KUBECTL"], "--kubeconfig", world.stack.env["KUBECONFIG"], *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


class Applied:
    """A folder of manifests, applied as a user would."""

    def __init__(self, world, folder):
        self.world = world
        self.folder = str(ROOT / "deploy" / "kubernetes" / folder)

    def __enter__(self):
        applied = kubectl(self.world, "apply", "-k", self.folder, "-o", "name")
        assert applied.returncode == 0 and "Warning" not in applied.stderr, applied.stderr
        self.objects = applied.stdout.split()
        return self

    def __exit__(self, *_):
        kubectl(self.world, "delete", "-k", self.folder, "--ignore-not-found", "--wait=false")

    def can(self, account, verb, what):
        """In the jobs' namespace."""
        place = ("-n", self.world.kube.namespace, "--as", f"system:serviceaccount:{account}")
        return kubectl(self.world, "auth", "can-i", verb, *what.split(), *place).stdout == "yes\n"

    def rights(self, bus, account, some, none):
        # The API server knows of new rights a moment after they are written.
        for verb, what in some:
            bus.wait_for(f"the right of {account} to {verb} {what}", lambda v=verb, w=what: self.can(account, v, w))
        for verb, what in none:
            assert not self.can(account, verb, what), (account, verb, what)


def test_the_api_server_takes_the_agent(world, bus):
    with Applied(world, "telemetry") as agent:
        assert "daemonset.apps/oppen-telemetry" in agent.objects
        account = "oppen-telemetry:oppen-telemetry"
        agent.rights(bus, account, [("list", "pods")], [("get", "secrets"), ("delete", "pods"), ("list", "nodes")])


def test_the_api_server_takes_the_workers(world, bus):
    """Their pods, too, which the namespace admits only with the least rights."""
    with Applied(world, "workers") as workers:
        scheduler = [("create", "pods"), ("patch", "pods"), ("watch", "resourcequotas"), ("list", "nodes")]
        workers.rights(bus, "oppen:oppen-scheduler", scheduler, [("get", "secrets"), ("get", "pods --subresource=log"), ("delete", "configmaps")])
        workers.rights(bus, "oppen:oppen-console", [("get", "pods --subresource=log"), ("list", "nodes")], [("create", "pods"), ("delete", "pods"), ("list", "secrets")])
        for more in ("notifier", "mlflow"):
            applied = kubectl(world, "apply", "-f", f"{workers.folder}/{more}.yaml", "-o", "name")
            assert applied.returncode == 0 and "Warning" not in applied.stderr, applied.stderr

        def pods():
            names = kubectl(world, "get", "pods", "-n", "oppen", "-o", "name").stdout.split()
            return {name.removeprefix("pod/oppen-").split("-")[0] for name in names}

        expected = {pathlib.Path(path).stem for path in pathlib.Path(workers.folder).glob("*.yaml")}
        expected -= {"kustomization", "namespace", "config", "rbac", "network-policies"}
        bus.wait_for(lambda: f"pods of {expected}, there are {pods()}", lambda: pods() == expected)


def unpack(image, folder):
    with tarfile.open(image) as layout:

        def blob(digest):
            return layout.extractfile("blobs/sha256/" + digest.removeprefix("sha256:")).read()

        (entry,) = json.load(layout.extractfile("index.json"))["manifests"]
        manifest = json.loads(blob(entry["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) as files:
                files.extractall(folder, filter="tar")
        return json.loads(blob(manifest["config"]["digest"]))["config"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root folder of a process")
def test_a_worker_runs_in_its_image(world, tmp_path):
    """With nothing of this machine but what the image holds, as the user that it names."""
    image = tmp_path / "cost.tar"
    subprocess.run([ROOT / "deploy/images/build", "oppen.dev/oppen-cost:1", program("oppen-cost"), image], check=True, timeout=60)
    folder = tmp_path / "root"
    folder.mkdir()
    folder.chmod(0o755)
    config = unpack(image, folder)
    assert config["User"] == "65532:65532"
    command = ["chroot", f"--userspec={config['User']}", folder, *config["Entrypoint"]]
    worker = Worker(world.stack, "oppen-cost", None, world.logs, label="cost-in-its-image", command=command).start()
    try:
        worker.wait_ready()
        # It has read the policies, whose off-peak window names a zone.
        assert "rates hold from" in worker.log.read_text() and "is refused" not in worker.log.read_text(), worker.tail()
    finally:
        code = worker.stop()
    assert code == 0, worker.tail()
