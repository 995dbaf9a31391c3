"""What is done to the system while it works. Each fault is a method that does it and undoes it; they run beside each other,
except that two never have the same thing in hand."""

import json
import random
import shutil
import signal
import subprocess
import threading
import time

from harness.stack import ROOT
from harness.waiting import wait_until

NODES = ROOT / "deploy" / "local" / "kubernetes" / "nodes.yaml"

# How often each happens, and what it has in hand meanwhile.
LONG = {
    "kill_leader": 6,
    "kill_standby": 2,
    "kill_redis": 4,
    "kill_kafka": 4,
    "kill_apiserver": 4,
    "pause_leader": 2,
    "restart_leader": 1,
    "flush_redis": 1,
    "empty_redis": 1,
    "age_redis": 2,
    "kafka_away": 1,
    "apiserver_away": 1,
    "delete_pod": 2,
    "force_delete_pod": 2,
    "node_dies": 1,
}
SHORT = {
    "kill_leader": 2,
    "kill_redis": 1,
    "kill_kafka": 1,
    "kill_apiserver": 1,
    "pause_leader": 1,
    "flush_redis": 1,
    "age_redis": 1,
    "delete_pod": 1,
    "force_delete_pod": 1,
    "node_dies": 1,
}
NOTHING_TO_DISTURB = object()
NODE_LOST_AFTER = 5  # seconds
PATIENCE = 8.0  # seconds, of the injector
IN_HAND = {"redis": "redis", "kafka": "kafka", "apiserver": "apiserver", "leader": "leader", "node": "node"}


class Injector:
    """`fired` of `plan` have been begun. `done` says how often each fault has been brought about: what
    found nothing to disturb does not count."""

    def __init__(self, stack, fleet, kube, history, seed, plan, more_nodes=None):
        """`more_nodes`: name -> manifest of nodes that may die beside the usual ones."""
        self._stack, self._fleet, self._kube, self._history = stack, fleet, kube, history
        self._nodes = {"simulated-a100": NODES, "simulated-v100": NODES, **(more_nodes or {})}
        self._draw = random.Random(f"faults {seed}")
        self.plan = [name for name, times in plan.items() for _ in range(times)]
        self._draw.shuffle(self.plan)
        self.fired = 0
        self.done = dict.fromkeys(plan, 0)
        self._locks = {thing: threading.Lock() for thing in (*IN_HAND.values(), "pods")}
        self._threads = []
        self._troubles = []

    def run(self, progress):
        """Fires them all, each once progress() (from 0 to 1) has come to its place, or has not for a while because of those
        before, and waits until all is whole again."""
        for number, name in enumerate(self.plan):
            latest = time.monotonic() + PATIENCE
            while progress() < number / (len(self.plan) + 1) and time.monotonic() < latest:
                time.sleep(0.02)
            # Often the next comes while the last is still being got over.
            time.sleep(self._draw.choice((0, 0.3, 1, 2)) * self._draw.random())
            random_seed = self._draw.random()
            thread = threading.Thread(target=self._do, args=(name, random.Random(random_seed)), daemon=True)
            self._threads.append(thread)
            thread.start()
            self.fired += 1
        for thread in self._threads:
            thread.join(300)
        assert not self._troubles, self._troubles

    def _do(self, name, draw):
        thing = next((thing for word, thing in IN_HAND.items() if word in name), "pods")
        with self._locks[thing]:
            try:
                if getattr(self, name)(draw) is not NOTHING_TO_DISTURB:
                    self.done[name] += 1
            except Exception as trouble:  # noqa: BLE001  told by run()
                self._troubles.append(f"{name}: {trouble!r}")

    def _tell(self, fault, **particulars):
        self._history.add("fault", fault=fault, **particulars)

    # The schedulers.

    def _leader(self):
        return wait_until("a leader to disturb", self._fleet.leader)

    def kill_leader(self, _):
        self._end(self._leader(), "kill -9 of the leader", signal.SIGKILL, [-9])

    def kill_standby(self, _):
        self._end(wait_until("a standby to disturb", self._fleet.standby), "kill -9 of the standby", signal.SIGKILL, [-9])

    def restart_leader(self, _):
        self._end(self._leader(), "SIGTERM to the leader", signal.SIGTERM, [0])

    def _end(self, scheduler, told, number, codes):
        self._tell(told, label=scheduler.log.stem)
        self._fleet.end(scheduler, number, codes)

    def pause_leader(self, draw):
        scheduler = self._leader()
        self._tell("SIGSTOP of the leader", label=scheduler.log.stem)
        scheduler.signal(signal.SIGSTOP)
        time.sleep(draw.uniform(4.5, 8))  # the lease is 3 s
        self._tell("leader wakes up", label=scheduler.log.stem)
        scheduler.signal(signal.SIGCONT)

    # Redis.

    def _restart(self, service, away=0.0, meanwhile=lambda: None):
        self._stack.kill(service)
        time.sleep(away)
        meanwhile()
        self._stack.start(service)
        if service == "apiserver":
            # The cluster's own parts look for a lost API server only once in a while, and a quota's use is counted anew only
            # every 5 minutes: started anew, they look at once.
            for part in ("controller", "scheduler", "kwok"):
                self._stack.kill(part)
                self._stack.start(part)
        self._tell(f"{service} is back")

    def kill_redis(self, _):
        self._tell("kill -9 of Redis")
        self._restart("redis")

    def flush_redis(self, _):
        self._tell("FLUSHALL")
        self._stack.redis("FLUSHALL")

    def empty_redis(self, _):
        self._tell("Redis loses its disk")
        self._restart("redis", meanwhile=lambda: shutil.rmtree(self._data))

    def age_redis(self, draw):
        """It comes back with the data of a second or two ago."""
        copy = self._stack.state / "redis-of-before"
        shutil.rmtree(copy, ignore_errors=True)
        self._tell("Redis is copied")
        shutil.copytree(self._data, copy)
        time.sleep(draw.uniform(0.5, 3))

        def put_back():
            shutil.rmtree(self._data)
            shutil.copytree(copy, self._data)

        self._tell("Redis comes back as it was copied")
        self._restart("redis", meanwhile=put_back)

    @property
    def _data(self):
        return self._stack.state / "redis" / "appendonlydir"

    # Kafka and the API server.

    def kill_kafka(self, _):
        self._tell("kill -9 of Kafka")
        self._restart("kafka")

    def kafka_away(self, draw):
        self._tell("Kafka goes away")
        self._restart("kafka", draw.uniform(5, 12))

    def kill_apiserver(self, _):
        self._tell("kill -9 of the API server")
        self._restart("apiserver")

    def apiserver_away(self, draw):
        self._tell("the API server goes away")
        self._restart("apiserver", draw.uniform(5, 12))

    # Pods and nodes.

    def delete_pod(self, draw):
        return self._delete(draw, None, "a pod is deleted by hand")

    def force_delete_pod(self, draw):
        return self._delete(draw, {"gracePeriodSeconds": 0}, "a pod is deleted by force")

    def _delete(self, draw, options, told):
        def one():
            try:
                running = [pod for pod in self._kube.pods() if pod["status"].get("phase") in ("Pending", "Running")]
                if not running:
                    return False
                name = draw.choice(running)["metadata"]["name"]
                self._tell(told, pod=name)
                return self._kube.request("DELETE", f"pods/{name}", options)[0] in (200, 202, 404)
            except (OSError, ValueError, AssertionError):
                return False  # the API server is away

        try:
            return wait_until("a pod to delete", one, deadline=20, pause=0.2)
        except AssertionError:
            return NOTHING_TO_DISTURB  # all have ended

    def node_dies(self, draw):
        """Its object goes, and with it whoever plays its pods; it comes back after some seconds, when the scheduler has taken its pods
        for lost, or when Kubernetes has given them up."""
        node = draw.choice(sorted(self._nodes))
        self._tell("a node dies", node=node)
        self._kubectl("delete", "node", node, "--wait=false")
        time.sleep(draw.choice((NODE_LOST_AFTER - 3, NODE_LOST_AFTER + 10, *((70,) if len(self.plan) > 20 else ()))))
        self._kubectl("apply", "-f", str(self._nodes[node]))
        self._tell("the node is back", node=node)

    def _kubectl(self, *arguments):
        kubectl(self._stack, *arguments)


def kubectl(stack, *arguments):
    """Until it is done: the API server may be away."""
    command = [stack.env["KUBECTL"], "--kubeconfig", stack.env["KUBECONFIG"], *arguments]

    def done():
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0

    wait_until(f"kubectl {json.dumps(arguments)}", done, pause=0.5)
