"""A private real Kafka, Redis and Kubernetes (tests/support/stack)."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[4]
STACK = ROOT / "tests" / "support" / "stack"


class Stack:
    """`env` is what the workers need to find its services, which are those named."""

    def __init__(self, state, services="kafka,redis,kubernetes"):
        self.state = pathlib.Path(state)
        self.env = {}
        self._services = services

    def up(self):
        self._run("up", "--with", self._services, deadline=180)
        lines = (self.state / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)
        return self

    def down(self):
        self._run("down", "--purge", deadline=120)

    def kill(self, service):
        self._run("kill", service)

    def pause(self, service):
        self._run("pause", service)

    def resume(self, service):
        self._run("resume", service)

    def start(self, service):
        self._run("start", service, deadline=120)

    def redis(self, *command):
        """What redis-cli prints."""
        url = self.env["OPPEN_REDIS_URL"]
        done = subprocess.run(["redis-cli", "-u", url, *command], capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.strip()

    def _run(self, *arguments, deadline=60):
        # The services outlive the call and hold its standard error open: it must not be a pipe.
        log = self.state.parent / f"{self.state.name}.stack.log"
        with log.open("a") as output:
            done = subprocess.run(
                [STACK, *arguments, "--state", self.state],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=deadline,
                check=False,
            )
        assert done.returncode == 0, f"stack {' '.join(arguments)} failed:\n{log.read_text()[-4000:]}"
