"""Two schedulers, behind the proxy, and a supervisor that starts again whichever has ended."""

import json
import pathlib
import signal
import subprocess
import sys
import threading
import urllib.parse

import yaml
from harness.waiting import wait_until
from harness.worker import Worker, free_port


class Fleet:
    def __init__(self, stack, folder, history, share, seed):
        self._stack, self._history = stack, history
        self._folder = pathlib.Path(folder)
        self._proxy, kubeconfig = self._start_proxy(seed, share)
        stack.env["KUBECONFIG_BEHIND_PROXY"] = str(kubeconfig)
        self.schedulers = [
            Worker(stack, "oppen-scheduler", "KUBECONFIG_BEHIND_PROXY", folder, label=f"scheduler-{name}") for name in "ab"
        ]
        self._expected = {}  # label -> exit codes
        self._lock = threading.Lock()
        self._closing = threading.Event()
        for scheduler in self.schedulers:
            scheduler.start()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _start_proxy(self, seed, share):
        source = pathlib.Path(self._stack.env["KUBECONFIG_SCHEDULER"])
        config = yaml.safe_load(source.read_text())
        cluster = config["clusters"][0]["cluster"]
        port, server = free_port(), urllib.parse.urlparse(cluster["server"]).port
        cluster["server"] = f"https://127.0.0.1:{port}"
        kubeconfig = source.with_name("behind-proxy.kubeconfig")
        kubeconfig.write_text(yaml.safe_dump(config))
        program = pathlib.Path(__file__).with_name("proxy.py")
        arguments = [port, server, source.parent / "pki", seed, share, self._folder / "proxy.jsonl"]
        log = (self._folder / "proxy.log").open("ab")
        proxy = subprocess.Popen([sys.executable, "-B", program, *map(str, arguments)], stdout=log, stderr=log)
        return proxy, kubeconfig

    def behave(self):
        """No more mischief by the proxy."""
        self._proxy.send_signal(signal.SIGUSR1)

    def leader(self):
        """By the lease in Redis; None while nobody is known to lead."""
        try:
            instance = self._stack.redis("GET", "{oppen.scheduler}:lease")
        except subprocess.SubprocessError:
            return None  # Redis is away
        for scheduler in self.schedulers:
            if scheduler.runs() and f"-{scheduler.pid}-" in instance:
                return scheduler
        return None

    def standby(self):
        leader = self.leader()
        return next((scheduler for scheduler in self.schedulers if scheduler is not leader and scheduler.runs()), None)

    def end(self, scheduler, number, codes):
        """Sends it a signal that it ends by, with one of these exit codes."""
        with self._lock:
            if scheduler.runs():
                self._expected[scheduler.pid] = codes
                scheduler.signal(number)

    def close(self):
        """Both are told to stop."""
        self._closing.set()
        self._supervisor.join(30)
        for scheduler in self.schedulers:
            if scheduler.runs():
                scheduler.signal(signal.SIGCONT)
                self._exit(scheduler, scheduler.stop(), [0])
        self._proxy.terminate()
        self._proxy.wait(10)

    def mischief(self):
        """How often the proxy has refused (by code) or lost a request."""
        done = dict.fromkeys(("409", "429", "500", "lost"), 0)
        for line in (self._folder / "proxy.jsonl").read_text().splitlines():
            done[str(json.loads(line)["did"])] += 1
        return done

    def _supervise(self):
        while not self._closing.wait(0.2):
            for scheduler in self.schedulers:
                with self._lock:
                    if not scheduler.runs():
                        self._exit(scheduler, scheduler.exit_code, self._expected.pop(scheduler.pid, []))
                        scheduler.start()

    def _exit(self, scheduler, code, expected):
        self._history.add("exit", label=scheduler.log.stem, code=code, expected=expected)


def wait_led(fleet, deadline=60):
    wait_until(
        "one of two schedulers leads",
        lambda: any(one.leads() for one in fleet.schedulers),
        deadline,
        explain=lambda: "\n".join(one.tail() for one in fleet.schedulers),
    )
