"""What half of the runs have beside the faults: the off-peak window opens and closes, the queue is paused and resumed, and there is a
spot node. (That jobs ask for it and wait for the window, and amendments, are the workload's.)"""

import http.client
import random
import threading
import time

import yaml
from harness.waiting import wait_until
from injector import NODES, kubectl

SPOT = "oppen.dev/spot"


class NoFeatures:
    nodes = None

    def start(self):
        pass

    def end(self):
        pass


NO_FEATURES = NoFeatures()


class Features:
    """From start() to end() in turns, at least one of them whole. `nodes`: the spot node, name -> manifest."""

    def __init__(self, stack, kube, bus, history, seed):
        self._stack, self._kube, self._bus, self._history = stack, kube, bus, history
        self._draw = random.Random(f"features {seed}")
        self._ending = threading.Event()
        self._trouble = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.nodes = self._add_spot_node()

    def start(self):
        self._thread.start()

    def end(self):
        """The window is open and the queue goes on."""
        self._ending.set()
        self._thread.join(300)
        assert not self._thread.is_alive() and not self._trouble, self._trouble

    def _add_spot_node(self):
        node = next(yaml.safe_load_all(NODES.read_text()))
        node["metadata"]["name"] = node["metadata"]["labels"]["kubernetes.io/hostname"] = "simulated-spot"
        node["metadata"]["labels"][SPOT] = "true"
        node["spec"] = {"taints": [{"key": SPOT, "value": "true", "effect": "NoSchedule"}]}
        path = self._stack.state / "spot-node.yaml"
        path.write_text(yaml.safe_dump(node))
        kubectl(self._stack, "apply", "-f", str(path))
        return {"simulated-spot": path}

    def _run(self):
        try:
            while True:
                self._set_window(is_open=False)
                self._ending.wait(self._draw.uniform(1, 5))
                self._pause()
                time.sleep(self._draw.uniform(6, 12))
                self._resume()
                self._ending.wait(self._draw.uniform(1, 5))
                self._set_window(is_open=True)
                if self._ending.wait(self._draw.uniform(6, 12)):
                    return
        except Exception as trouble:  # noqa: BLE001  told by end()
            self._trouble = trouble

    def _set_window(self, is_open):
        """Half of the day that is now, or an hour at its other end."""
        hour = time.gmtime().tm_hour
        begin, end = ((hour - 6) % 24, (hour + 6) % 24) if is_open else ((hour + 12) % 24, (hour + 13) % 24)
        window = f"{begin:02}:00-{end:02}:00 UTC"
        self._history.add("feature", did="open" if is_open else "close", window=window)

        def patched():
            try:
                return self._kube.patch("configmaps/cost-model", {"data": {"off_peak_window": window}})
            except (OSError, http.client.HTTPException, AssertionError, ValueError):
                return None  # the API server is away

        wait_until("the off-peak window to be set", patched, pause=0.2)

    def _pause(self):
        self._history.add("feature", did="pause")
        self._override("true")

    def _resume(self):
        self._history.add("feature", did="resume")
        self._override("false")

    def _override(self, value):
        command = self._bus.command("policy.override", {"key": "queue_paused", "value": value}, "queue_paused")
        self._bus.produce_all([command], "oppen.control")
