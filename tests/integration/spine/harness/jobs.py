"""Job specs and ids of a test of its own, and the way back to an empty queue."""

import re
import uuid

SMALL = {"gpus": 0, "cpu": "100m", "memory": "64Mi"}


class Jobs:
    """Ids are those of one test alone; what it leaves waiting or running is waited for."""

    def __init__(self, test_name, bus):
        self._prefix = f"{re.sub('[^a-z0-9]+', '-', test_name.lower()).strip('-')[:24].strip('-')}-{uuid.uuid4().hex[:6]}"
        self._bus = bus

    def id(self, name):
        return f"{self._prefix}-{name}"

    def spec(self, name, /, seconds=0.2, env=None, **fields):
        """A small CPU job; resources={...} is laid over its amounts."""
        asked = fields.pop("resources", {})
        amounts = {**SMALL, **asked} if isinstance(asked, dict) else asked
        return {
            "job_id": self.id(name),
            "model_type": "mnist",
            "resources": amounts,
            "env": {"SIMULATED_DURATION": f"{int(seconds * 1000)}ms", **(env or {})},
            **fields,
        }

    def specs(self, count, **fields):
        return [self.spec(str(number), **fields) for number in range(count)]

    def open(self):
        """Those that wait or run."""
        ids = self._bus.ids(self._prefix)
        return [job_id for job_id in ids if self._bus.story(job_id) and not self._bus.ended(job_id)]

    def clear(self):
        """Cancels what still waits or runs and waits for its end."""
        left = self.open()
        if left:
            cancels = [{"job_id": job_id, "requested_by": "tests"} for job_id in left]
            self._bus.produce_all([self._bus.command("job.cancel", data, data["job_id"]) for data in cancels])
            self._bus.wait_ended(left)
