"""A real Prometheus with the configuration of deploy/prometheus, which looks at the workers of a test."""

import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from .stack import ROOT
from .waiting import PATIENCE, wait_until
from .worker import free_port

CONFIGURATION = ROOT / "deploy" / "prometheus"


def promtool(*arguments, stdin=None):
    """(exit code, what it says)"""
    done = subprocess.run(["promtool", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """As it is deployed, but for where the workers are, and that it looks every second."""

    def __init__(self, folder, workers):
        if not shutil.which("prometheus"):
            pytest.fail("there is no Prometheus: tests/run --only integration installs it")
        self.folder = pathlib.Path(folder)
        self.url = f"http://127.0.0.1:{free_port()}"
        for file in ("prometheus.yml", "rules.yml"):
            text = (CONFIGURATION / file).read_text()
            (self.folder / file).write_text(text.replace("_interval: 15s", "_interval: 1s"))
        targets = [{"targets": [worker.listen], "labels": {"program": worker.name}} for worker in workers]
        (self.folder / "targets.json").write_text(json.dumps(targets))
        self._process = None

    def start(self):
        command = ["prometheus", "--config.file", self.folder / "prometheus.yml", "--storage.tsdb.path", self.folder / "data"]
        command += ["--web.listen-address", self.url.removeprefix("http://"), "--log.level", "warn"]
        with (self.folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("Prometheus answers", self._answers, explain=self.tail)
        return self

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait(60)

    def get(self, path, **parameters):
        """The data of what its API answers."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """[(labels, value)] of it now."""
        return [(one["metric"], float(one["value"][1])) for one in self.get("query", query=expression)["result"]]

    def value(self, expression):
        """Of the one series that there is; None where there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def wait(self, what, condition, deadline=PATIENCE):
        return wait_until(what, condition, deadline, pause=0.2, explain=self.tail)

    def tail(self):
        return (self.folder / "prometheus.log").read_text(errors="replace")[-4000:]

    def _answers(self):
        assert self._process.poll() is None, f"Prometheus has ended\n{self.tail()}"
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=10):
                return True
        except (OSError, urllib.error.HTTPError):
            return False
