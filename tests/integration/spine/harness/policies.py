"""The policies of a running scheduler, changed for a test and set back after it."""

NAME = "configmaps/scheduling-policies"


class Policies:
    def __init__(self, kube, bus):
        self._kube = kube
        self._bus = bus
        self._before = kube.get(NAME)["data"]

    def set(self, **values):
        """Changes keys (None takes one away) and waits until the scheduler says that they are in force."""
        self._kube.patch(NAME, {"data": {key: None if value is None else str(value) for key, value in values.items()}})
        self.wait(values)

    def wait(self, values):
        wanted = {key: None if value is None else str(value) for key, value in values.items()}
        self._bus.wait_for(
            f"policy.changed with {wanted}; in force is {self.in_force()}",
            lambda: all(self.in_force().get(key) == value for key, value in wanted.items()),
        )

    def in_force(self):
        """What the last policy.changed says of scheduling-policies."""
        changes = self.changes()
        return changes[-1].data["scheduling_policies"] if changes else {}

    def changes(self):
        return [record for record in self._bus.records("oppen.control") if record.type == "policy.changed"]

    def reset(self):
        now = self._kube.get(NAME)["data"]
        if now != self._before:
            self.set(**{**dict.fromkeys(now), **self._before})
