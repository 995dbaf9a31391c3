"""One of our programs, running."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from .waiting import wait_until


def program(name):
    return pathlib.Path(os.environ["OPPEN_BIN"]) / name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Worker:
    """Its log is kept in one file over all its starts. `kubeconfig` None: it has no business with the cluster. `command` starts it where it is
    not among our programs."""

    def __init__(self, stack, name, kubeconfig, log_dir, listen=None, label=None, settings=None, command=None):
        self.name = name
        self._command = command or [program(name)]
        self.listen = listen or f"127.0.0.1:{free_port()}"
        self.log = pathlib.Path(log_dir) / f"{label or name}.log"
        self._env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OPPEN_", "KUBE"))},
            **{key: value for key, value in stack.env.items() if key.startswith("OPPEN_")},
            **({"KUBECONFIG": stack.env[kubeconfig]} if kubeconfig else {}),
            "OPPEN_LISTEN": self.listen,
            **(settings or {}),
        }
        self._process = None

    def start(self):
        """Starts it, without waiting for anything."""
        assert not self.runs(), f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def runs(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        """Of its last start."""
        return self._process.pid

    @property
    def exit_code(self):
        """None while it runs; below 0 where a signal ended it."""
        return self._process.poll()

    def stop(self, deadline=30):
        """SIGTERM; its exit code."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {deadline} s of SIGTERM\n{self.tail()}") from None

    def kill(self):
        self.signal(signal.SIGKILL)
        self._process.wait(30)

    def signal(self, number):
        if self.runs():
            self._process.send_signal(number)

    def get(self, path):
        """(status, text); status 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.listen}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def readyz(self):
        """(ready, dependencies by name: "ok" or what is wrong)"""
        status, text = self.get("/readyz")
        return status == 200, json.loads(text)["dependencies"] if text else {}

    def metric(self, name):
        """The value of a metric without labels; None when it is not there."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def leads(self):
        return self.metric("oppen_leader") == 1 and self.readyz()[0]

    def wait_ready(self, deadline=60):
        """Until it answers and all that it depends on does; a scheduler leads then."""
        ready = self.leads if self.name == "oppen-scheduler" else lambda: self.readyz()[0]
        self.wait(f"{self.name} is ready", ready, deadline)
        return self

    def wait(self, what, condition, deadline=60):
        return wait_until(what, condition, deadline, explain=lambda: f"readyz: {self.readyz()}\n{self.tail()}")

    def tail(self, characters=4000):
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""
