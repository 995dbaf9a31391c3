"""Waiting for what must become true, never for time to pass."""

import time

PATIENCE = 60.0  # seconds; generous, since the machine may be slow and shared


def wait_until(what, condition, deadline=PATIENCE, pause=0.05, explain=lambda: ""):
    """The first true value of condition(); fails with `what` and explain() when there is none in time."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:.0f} s: {what}\n{explain()}".rstrip())
        time.sleep(pause)
