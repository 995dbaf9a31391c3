"""A real MLflow server with users and passwords, and what training code does there."""

import base64
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from .stack import ROOT
from .waiting import wait_until
from .worker import free_port

USER, PASSWORD, TOKEN = "admin", "correct horse:battery", "tests.bearer-t0ken"


def environment():
    """The folder of a Python environment that has MLflow: OPPEN_MLFLOW_VENV, else what tests/run once installed."""
    given = os.environ.get("OPPEN_MLFLOW_VENV")
    if given:
        return pathlib.Path(given)
    requirements = (ROOT / "deploy" / "local" / "mlflow-requirements.txt").read_bytes()
    cache = pathlib.Path(os.environ.get("OPPEN_CACHE_DIR") or pathlib.Path.home() / ".cache" / "oppen")
    version = ".".join(map(str, sys.version_info[:2]))
    found = cache / f"mlflow-{version}-{hashlib.sha256(requirements).hexdigest()[:12]}"
    if not (found / "complete").exists():
        pytest.fail("there is no MLflow: tests/run --only integration installs it, or name an environment in OPPEN_MLFLOW_VENV")
    return found


class Mlflow:
    """Its data is kept over all its starts."""

    def __init__(self, folder):
        self.folder = folder
        self.venv = environment()
        self.uri = f"http://127.0.0.1:{free_port()}"
        self.credentials = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
        self._process = None
        (folder / "auth.ini").write_text(
            "[mlflow]\n"
            "default_permission = READ\n"
            f"database_uri = sqlite:///{folder}/users.db\n"
            f"admin_username = {USER}\n"
            f"admin_password = {PASSWORD}\n"
            "authorization_function = harness.mlflow_auth:authenticate\n"
            "auth_cache_ttl_seconds = 600\n"
        )

    def start(self):
        command = [self.venv / "bin" / "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        command += ["--artifacts-destination", self.folder / "artifacts"]
        command += ["--host", "127.0.0.1", "--port", self.uri.rpartition(":")[2]]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(pathlib.Path(__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the tests",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that nobody needs
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TESTS_BEARER_TOKEN": TOKEN,
            "TESTS_USER": USER,
            "TESTS_PASSWORD": PASSWORD,
        }
        with (self.folder / "mlflow.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_until("MLflow answers", self._answers, 480, pause=0.2, explain=self._tail)
        return self

    def stop(self):
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)  # what it may have left
            except ProcessLookupError:
                pass
            self._process = None

    def post(self, endpoint, **request):
        """What POST /api/2.0/mlflow/<endpoint> answers."""
        return self._ask(endpoint, json.dumps(request).encode())

    def get(self, endpoint, **parameters):
        return self._ask(f"{endpoint}?{urllib.parse.urlencode(parameters)}", None)

    def _ask(self, endpoint, body, version="2.0"):
        coded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"authorization": f"Basic {coded}", "content-type": "application/json"}
        asked = urllib.request.Request(f"{self.uri}/api/{version}/mlflow/{endpoint}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{endpoint}: {error.code} {error.read().decode()}\n{self._tail()}") from None

    # What training code does.

    def experiment(self, name):
        """Makes it; its id."""
        return self.post("experiments/create", name=name)["experiment_id"]

    def begin(self, experiment_id, params=None, tags=None, start_time=None):
        """A run's id. Without `params`, those that every run must have."""
        params = {"model_type": "resnet50", "epochs": 10, "batch_size": 64} if params is None else params
        started = self.post("runs/create", experiment_id=experiment_id, start_time=start_time or now_ms() - 60_000)
        run_id = started["run"]["info"]["run_id"]
        self.log(run_id, params=params, tags=tags)
        return run_id

    def log(self, run_id, params=None, tags=None, metrics=None):
        def pairs(values):
            return [{"key": key, "value": str(value)} for key, value in (values or {}).items()]

        measured = [{"key": key, "value": value, "timestamp": now_ms()} for key, value in (metrics or {}).items()]
        self.post("runs/log-batch", run_id=run_id, params=pairs(params), tags=pairs(tags), metrics=measured)

    def end(self, run_id, status="FINISHED", end_time=None):
        self.post("runs/update", run_id=run_id, status=status, end_time=end_time or now_ms())

    # What its administrator does.

    def add_user(self, name, password):
        """Who may read everything."""
        self.post("users/create", username=name, password=password)

    def grant(self, name, experiment_id, permission):
        granted = {"username": name, "resource_type": "experiment", "resource_id": experiment_id, "permission": permission}
        self._ask("users/permissions/grant", json.dumps(granted).encode(), version="3.0")

    # What is seen there.

    def run(self, run_id):
        """(tags, metrics) of it."""
        data = self.get("runs/get", run_id=run_id)["run"]["data"]
        return [{one["key"]: one["value"] for one in data.get(kind, ())} for kind in ("tags", "metrics")]

    def history(self, run_id, metric):
        """Its values, in the order of their time."""
        points = self.get("metrics/get-history", run_id=run_id, metric_key=metric).get("metrics", [])
        return [point["value"] for point in sorted(points, key=lambda point: point["timestamp"])]

    def _answers(self):
        assert self._process.poll() is None, f"MLflow has ended\n{self._tail()}"
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=10):
                return True
        except OSError:
            return False

    def _tail(self):
        return (self.folder / "mlflow.log").read_text(errors="replace")[-4000:]


def now_ms():
    return int(time.time() * 1000)
