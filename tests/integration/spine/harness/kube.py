"""The cluster as its API server tells it."""

import http.client
import json
import pathlib
import ssl
import threading
import urllib.parse

import yaml

from .waiting import wait_until

GPU = "nvidia.com/gpu"
ENDED = ("Succeeded", "Failed")


class Kube:
    def __init__(self, stack):
        self.namespace = stack.env["OPPEN_NAMESPACE"]
        config = yaml.safe_load(pathlib.Path(stack.env["KUBECONFIG"]).read_text())
        cluster = config["clusters"][0]["cluster"]
        self._server = urllib.parse.urlparse(cluster["server"])
        self._tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._token = config["users"][0]["user"]["token"]

    def request(self, method, path, body=None, content_type="application/json"):
        """(status, object) of a request below the namespace."""
        connection = self.open(method, path, body, content_type, timeout=30)
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read() or b"{}")
        connection.close()
        return found

    def open(self, method, path, body=None, content_type="application/json", timeout=None):
        connection = http.client.HTTPSConnection(
            self._server.hostname, self._server.port, context=self._tls, timeout=timeout
        )
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        text = json.dumps(body) if body is not None else None
        connection.request(method, f"/api/v1/namespaces/{self.namespace}/{path}", text, headers)
        return connection

    def get(self, path):
        """The object, or None where there is none."""
        status, found = self.request("GET", path)
        assert status in (200, 404), found
        return found if status == 200 else None

    def patch(self, path, change):
        status, found = self.request("PATCH", path, change, "application/merge-patch+json")
        assert status == 200, found
        return found

    def pod(self, name):
        return self.get(f"pods/{name}")

    def pods(self, job_ids=None):
        """Those of our jobs, or of some of them."""
        items = self.get("pods?labelSelector=app.kubernetes.io/managed-by%3Doppen")["items"]
        return [pod for pod in items if job_ids is None or job_of(pod) in job_ids]

    def create(self, kind, body):
        status, found = self.request("POST", kind, body)
        assert status == 201, found
        return found

    def delete(self, path):
        status, found = self.request("DELETE", path)
        assert status in (200, 202, 404), found

    def wait_pod(self, name, what, condition, deadline=60):
        """The pod (or None), once condition(pod) is true."""

        def look():
            pod = self.pod(name)
            return [pod] if condition(pod) else None

        return wait_until(f"pod {name} {what}", look, deadline, explain=lambda: self.pod(name))[0]


def job_of(pod):
    return pod["metadata"].get("labels", {}).get("oppen.dev/job-id")


def requests(pod, resource):
    return sum(int(part["resources"].get("requests", {}).get(resource, 0)) for part in pod["spec"]["containers"])


class PodWatch:
    """Follows all pods of the namespace from the moment that it is entered. `states` holds, after each change, the pods that
    have not ended; `uids` all pods of a job that there ever were, in the order of their creation; `first` each pod by name as it
    was first seen."""

    def __init__(self, kube):
        self._kube = kube
        self._lock = threading.Lock()
        self._alive = {}
        self._closing = False
        self.states = []
        self.uids = {}
        self.first = {}

    def __enter__(self):
        self._list()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closing = True
        self._thread.join(30)

    def caught_up(self):
        """Returns when it has seen every pod that there is by now."""
        now = {pod["metadata"]["uid"] for pod in self._kube.pods()}

        def knows_all():
            assert self._thread.is_alive(), "the watch has broken off"
            with self._lock:
                return now <= {uid for uids in self.uids.values() for uid in uids}

        wait_until("the watch knows all pods", knows_all)

    def uids_of(self, job_id):
        with self._lock:
            return list(self.uids.get(job_id, ()))

    def peak(self, measure):
        """The highest measure([pod, ...]) over all moments."""
        with self._lock:
            return max((measure(pods) for pods in self.states), default=0)

    def _list(self):
        status, listed = self._kube.request("GET", "pods")
        if status != 200:  # an API server that is just starting
            raise OSError(f"no list of pods: {listed}")
        with self._lock:
            self._alive.clear()
        for pod in listed["items"]:
            self._take("ADDED", pod)
        self._version = listed["metadata"]["resourceVersion"]

    def _take(self, change, pod):
        with self._lock:
            uid, job_id = pod["metadata"]["uid"], job_of(pod)
            if job_id and uid not in self.uids.setdefault(job_id, []):
                self.uids[job_id].append(uid)
            self.first.setdefault(pod["metadata"]["name"], pod)
            if change == "DELETED" or pod["status"].get("phase") in ENDED:
                self._alive.pop(uid, None)
            else:
                self._alive[uid] = pod
            self.states.append(list(self._alive.values()))

    def _follow(self):
        while not self._closing:
            try:
                if self._version is None:
                    self._list()
                path = f"pods?watch=true&timeoutSeconds=2&allowWatchBookmarks=true&resourceVersion={self._version}"
                connection = self._kube.open("GET", path, timeout=30)
                answer = connection.getresponse()
                if answer.status != 200:
                    raise OSError(f"no watch of pods: {answer.read()}")
                for line in answer:
                    event = json.loads(line)
                    if event["type"] == "ERROR":  # an API server that has restarted no longer knows so old a version
                        self._version = None
                        break
                    self._version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._take(event["type"], event["object"])
                connection.close()
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                threading.Event().wait(0.2)  # the API server is away: tests do that
