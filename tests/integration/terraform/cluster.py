"""A private real API server (tests/support/stack, Kubernetes alone) and what is in it, asked by kubectl."""

import json
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
STACK = ROOT / "tests" / "support" / "stack"
KUSTOMIZATION = ROOT / "deploy" / "kubernetes"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
GPUS = "requests.nvidia.com/gpu"


class Cluster:
    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.env = {}

    def up(self):
        self._stack("up", "--with", "kubernetes")
        lines = (self.state / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)

    def down(self):
        self._stack("down", "--purge")

    def _stack(self, *arguments):
        # The services outlive the call and hold its standard error open: it must not be a pipe.
        log = self.state.with_suffix(".log")
        with log.open("a") as output:
            done = subprocess.run(
                [STACK, *arguments, "--state", self.state],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=1800,  # the first one on a machine builds the control plane
                check=False,
            )
        assert done.returncode == 0, f"stack {' '.join(arguments)} failed:\n{log.read_text()[-4000:]}"

    def kubectl(self, *arguments, given=None, check=True):
        done = subprocess.run(
            [self.env["KUBECTL"], "--kubeconfig", self.env["KUBECONFIG"], *arguments],
            input=json.dumps(given) if given is not None else None,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def kustomize(self):
        self.kubectl("apply", "-k", str(KUSTOMIZATION))

    def remove_kustomized(self):
        self.kubectl("delete", "-k", str(KUSTOMIZATION), "--ignore-not-found", "--wait")

    def objects(self, namespace="ml-training"):
        """What scheduling stands on, by "Kind/name", whole: the namespace, what is in it, and the priority classes."""
        found = self._get("namespace", "--field-selector", f"metadata.name={namespace}")
        found += self._get("priorityclass")
        found += self._get("resourcequota,limitrange,configmap", "--namespace", namespace)
        # The cluster's own: they are there in any case.
        return {
            f"{each['kind']}/{each['metadata']['name']}": each
            for each in found
            if not each["metadata"]["name"].startswith(("system-", "kube-"))
        }

    def _get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "--output", "json").stdout)["items"]

    def create_pod(self, name, gpus, priority="normal", dry_run=False, namespace="ml-training"):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "priorityClassName": priority,
                "containers": [
                    {
                        "name": "trainer",
                        "image": "oppen.dev/simulated:1",
                        "env": [{"name": "SIMULATED_DURATION", "value": "1h"}],
                        "resources": {"limits": {"nvidia.com/gpu": gpus}},
                    }
                ],
            },
        }
        return self.kubectl("create", "-f", "-", *(["--dry-run=server"] if dry_run else []), given=pod, check=False)

    def wait_for_quotas(self):
        """A new quota refuses every pod until it has been counted once, and a new class is known a moment later."""
        deadline = time.monotonic() + 60
        while (probe := self.create_pod("probe", 1, "background", dry_run=True)).returncode != 0:
            assert time.monotonic() < deadline, probe.stderr
            time.sleep(0.1)

    def wait_for_counts(self):
        """Until Kubernetes has counted each quota as it is now, and no pod in it: after that nobody writes it unasked."""

        def counted(quota):
            hard, status = quota["spec"]["hard"], quota.get("status", {})
            used = status.get("used", {})
            return status.get("hard") == hard and used.keys() == hard.keys() and used[GPUS] == "0"

        deadline = time.monotonic() + 60
        while not all(map(counted, quotas := self._get("resourcequota", "--namespace", "ml-training"))):
            assert time.monotonic() < deadline, quotas
            time.sleep(0.1)

    def delete_pods(self):
        self.kubectl("delete", "pods", "--all", "--namespace", "ml-training", "--grace-period=0", "--force", "--wait")


def meaning(objects):
    """What was asked for, without what the API server adds to each object."""
    kept = {}
    for name, whole in objects.items():
        metadata = whole["metadata"]
        labels = {k: v for k, v in metadata.get("labels", {}).items() if k != "kubernetes.io/metadata.name"}
        annotations = {k: v for k, v in metadata.get("annotations", {}).items() if k != LAST_APPLIED}
        rest = {key: value for key, value in whole.items() if key not in ("metadata", "status")}
        kept[name] = {**rest, "labels": labels, "annotations": annotations, "namespace": metadata.get("namespace")}
    return kept


def versions(objects):
    return {name: (whole["metadata"]["uid"], whole["metadata"]["resourceVersion"]) for name, whole in objects.items()}


def differences(before, after):
    """The fields that differ, by path, with what they are now; None where a field is gone."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return {path: new.get(path) for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def _leaves(value, path=""):
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield path, value
        return
    for key, inner in items:
        yield from _leaves(inner, f"{path}.{key}" if path else str(key))
