"""What the API server's pods promise: one live attempt, never above the slots, nothing stale."""

import calendar
import collections
import time

from history import ENDED_PHASES, TERMINAL
from rule import rule

CONVERGENCE = 10.0  # seconds in which what a paused leader still did on waking is put right


def is_live(pod):
    """Whether this change leaves it holding what it was given: neither ended nor gone. One that is deleted before it was on a
    node has never begun; only the object is left, until its end has been published."""
    return pod["change"] != "DELETED" and pod["phase"] not in ENDED_PHASES and not (pod["deleting"] and not pod["node"])


def excused(history, begin, end):
    """Whether it lies within the convergence of a leader that was paused and woke."""
    return any(woke <= begin and end <= woke + CONVERGENCE for woke in history.awakenings())


@rule
def one_live_attempt(history):
    """At any time at most one pod of a job that has neither ended nor gone."""
    for job in history.jobs.values():
        live, since = {}, None
        for pod in job.pods:
            if is_live(pod):
                live[pod["uid"]] = pod["name"]
            else:
                live.pop(pod["uid"], None)
            if len(live) > 1 and since is None:
                since = pod["at"], sorted(live.values())
            elif len(live) <= 1 and since is not None:
                if not excused(history, since[0], pod["at"]):
                    yield job.id, f"{since[1]} were live together for {pod['at'] - since[0]:.1f} s"
                since = None
        if since is not None:
            yield job.id, f"{since[1]} are live together, until the end"


@rule
def an_attempt_runs_once(history):
    """The pods of one attempt that ran are one pod."""
    ran = collections.defaultdict(dict)
    for pod in history.of("pod"):
        if pod["phase"] in ("Running", *ENDED_PHASES) and pod["node"]:
            ran[pod["job"], pod["attempt"]].setdefault(pod["uid"], pod["at"])
    for (job, attempt), pods in ran.items():
        if len(pods) > 1 and not all(excused(history, at, at) for at in list(pods.values())[1:]):
            yield job, f"attempt {attempt} ran in {len(pods)} pods: {list(pods)}"


@rule
def never_above_the_slots(history):
    """Never more live pods than max_concurrent_jobs."""
    limit = history.meta["max_concurrent_jobs"]
    live, over = {}, None
    for pod in history.of("pod"):
        if is_live(pod):
            live[pod["uid"]] = pod["name"]
        else:
            live.pop(pod["uid"], None)
        if len(live) > limit and over is None:
            over = pod["at"], len(live), pod["job"]
        elif len(live) <= limit and over is not None:
            if not excused(history, over[0], pod["at"]):
                yield over[2], f"was live as the {over[1]}th of at most {limit}, for {pod['at'] - over[0]:.1f} s"
            over = None
    if over is not None:
        yield over[2], f"was live as the {over[1]}th of at most {limit}, until the end"


@rule
def nothing_is_launched_after_the_end(history):
    """No pod of a job is created once its end has been told."""
    for job in history.jobs.values():
        told = [event["at"] for event in job.events if event["kind"] in TERMINAL]
        if not told:
            continue
        first = {}
        for pod in job.pods:
            first.setdefault(pod["uid"], pod)
        for pod in first.values():
            at = calendar.timegm(time.strptime(pod["created"], "%Y-%m-%dT%H:%M:%SZ"))  # whole seconds, rounded down
            if at > min(told) and not excused(history, pod["at"], pod["at"]):
                yield job.id, f"pod {pod['uid']} was created {at - min(told):.1f} s after its end was told"


@rule
def every_attempt_is_told(history):
    """A pod that ran has a job.launched of its attempt, and an end of it."""
    for job in history.jobs.values():
        launched = {step["data"]["attempt"] for step in job.life if step["kind"] == "launched"}
        ended = {step["data"]["attempt"] for step in job.life if step["kind"] in (*TERMINAL, "requeued")}
        for attempt in {pod["attempt"] for pod in job.pods if pod["phase"] in ("Running", *ENDED_PHASES) and pod["node"]}:
            if attempt not in launched or attempt not in ended:
                said = [kind for kind, attempts in (("launched", launched), ("ended", ended)) if attempt not in attempts]
                yield job.id, f"attempt {attempt} ran, and no event says that it {' and '.join(said)}"


@rule
def pods_are_of_jobs_and_leaders(history):
    """Each managed pod is of an accepted job and carries the epoch of a leader that had claimed it."""
    claims = {claim["offset"] for claim in history.of("claim")}
    seen = set()
    for pod in history.of("pod"):
        if pod["uid"] in seen:
            continue
        seen.add(pod["uid"])
        job = history.jobs.get(pod["job"])
        if job is None or not job.accepted:
            yield pod["job"], f"pod {pod['name']} is of a job that was not accepted"
        if pod["epoch"] not in claims:
            yield pod["job"], f"pod {pod['name']} is of epoch {pod['epoch']}, which no leader has claimed"
