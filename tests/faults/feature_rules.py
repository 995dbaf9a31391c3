"""What the features promise that half of the runs have on: pause, off-peak window, limit of each user's jobs, amendments."""

import bisect
import calendar
import time

from history import ENDS, decided, for_the_user
from pod_rules import CONVERGENCE, excused
from rule import rule

AMENDED = ("priority", "batch_size", "spot")  # what each event of a job tells of what can be amended


def _intervals(history, is_closed, reopened_by):
    """When nothing was to be launched: from the policy in force that says so until it was asked to be otherwise."""
    policies = sorted(history.of("policy"), key=lambda policy: policy["since"])
    asked = sorted(feature["at"] for feature in history.of("feature") if feature["did"] == reopened_by)
    found = []
    for number, policy in enumerate(policies):
        if not is_closed(policy):
            continue
        later = [following["since"] for following in policies[number + 1 :] if not is_closed(following)]
        asked_at = asked[bisect.bisect(asked, policy["since"]) :]
        found.append((policy["since"], min([*later[:1], *asked_at[:1]], default=float("inf"))))
    return found


def _launched_within(history, job, intervals):
    """The pods of attempts that came into the queue and were created within one of the intervals: one that was decided before
    may come a little later."""
    queued = {}
    for step in job.life:
        if step["kind"] in ("queued", "requeued"):
            queued[step["data"]["attempt"] + 1] = decided(step)
    first = {}
    for pod in job.pods:
        first.setdefault(pod["uid"], pod)
    for pod in first.values():
        since = queued.get(pod["attempt"])
        created = calendar.timegm(time.strptime(pod["created"], "%Y-%m-%dT%H:%M:%SZ"))  # whole seconds, rounded down
        for begin, end in intervals:
            # A pod that was there before is of a job that was queued a second time, after Redis came back older.
            inside = since is not None and begin < since and begin <= pod["at"] and created + 1 < end
            if inside and not excused(history, pod["at"], pod["at"]):
                yield pod, begin


@rule
def a_paused_queue_launches_nothing(history):
    """What comes into the queue while it is paused has no pod before it is resumed."""
    intervals = _intervals(history, lambda policy: policy["paused"], "resume")
    for job in history.jobs.values():
        for pod, begin in _launched_within(history, job, intervals):
            yield job.id, f"pod {pod['name']} was created {pod['at'] - begin:.1f} s after the queue was paused"


@rule
def a_closed_window_launches_nothing_that_waits_for_it(history):
    """A job that waits for the off-peak window has no pod while it is closed."""
    windows = {feature["window"] for feature in history.of("feature") if feature["did"] == "close"}
    intervals = _intervals(history, lambda policy: policy["window"] in windows, "open")
    for job in history.jobs.values():
        if job.spec.get("window") != "off_peak":
            continue
        for pod, begin in _launched_within(history, job, intervals):
            yield job.id, f"pod {pod['name']} was created {pod['at'] - begin:.1f} s after the window was closed"


def _redis_was_lost(history, moment):
    """Whether Redis had just lost what it held: whom the jobs belong to is learned again while new ones are taken in."""
    lost = [fault["at"] for fault in history.of("fault") if fault["fault"] in ("FLUSHALL", "Redis comes back as it was copied")]
    return any(at <= moment <= at + CONVERGENCE for at in lost)


@rule
def nobody_has_more_jobs_than_allowed(history):
    """At the moment that a job is queued its user has no more than max_jobs_per_user that have not ended, but for some seconds after
    Redis was lost; and none is refused for that where there is no such limit."""
    limit = history.meta.get("max_jobs_per_user")
    users = {}
    for job in history.jobs.values():
        refused = [step for step in job.life if for_the_user(step["kind"], step["data"])]
        if refused and not limit:
            yield job.id, f"was rejected: {refused[0]['data'].get('reason')}"
        queued = [decided(step) for step in job.life if step["kind"] == "queued"]
        ended = [decided(step) for step in job.life if step["kind"] in ENDS and queued and decided(step) >= queued[0]]
        if queued:
            users.setdefault(job.spec.get("user", ""), []).append((queued[0], ended[-1] if ended else float("inf"), job.id))
    for user, spans in users.items() if limit else ():
        for begin, _, job_id in sorted(spans):
            there = sum(other <= begin < end for other, end, _ in spans)
            if there > limit and not _redis_was_lost(history, begin):
                yield job_id, f"was queued as the {there}th open job of user {user or '(none)'}; allowed are {limit}"


@rule
def amendments_hold(history):
    """Each job.amend is answered; what was amended, every later event of the job and the pods of its later attempts have."""
    asked = {}
    for command in history.of("command"):
        if command["kind"] == "job.amend" and command["intent"] == "valid":
            asked[command["offset"]] = command
    answered = {
        int(event["id"].rsplit("/", 1)[1]) for events in history.answers.values() for event in events if event["kind"] == "amend-refused"
    }
    for job in history.jobs.values():
        now, last = {}, 0
        priorities = {}
        for step in job.life:
            data = step["data"]
            if step["kind"] == "amended":
                command = asked.get(data["source_offset"])
                if command is None or command["data"]["changes"] != data["changes"] or data["source_offset"] <= last:
                    yield job.id, f"was amended by {data['changes']}, and the command at jobs/{data['source_offset']} is {command}"
                last = data["source_offset"]
                answered.add(last)
                now |= {field: value for field, value in data["changes"].items() if field in AMENDED}
            wrong = {field: data.get(field) for field, value in now.items() if data.get(field) != value}
            if wrong:
                yield job.id, f"{step['kind']} (seq {data['seq']}) says {wrong}; it was amended to {now}"
                break
            if step["kind"] == "launched" and "priority" in data:
                priorities[data["attempt"]] = data["priority"]
        for pod in job.pods:
            wanted = priorities.get(pod["attempt"])
            if wanted and pod.get("priority", wanted) != wanted:
                yield job.id, f"pod {pod['name']} has the priority {pod['priority']}; its attempt was launched with {wanted}"
                break
    for offset in asked.keys() - answered:
        yield asked[offset]["key"], f"the job.amend at jobs/{offset} has no answer"


@rule
def the_features_were_on(history):
    """A run that is said to have had them was paused, and its window was closed and open; a long one has had amendments, and jobs that
    ran in the window and on spot nodes."""
    if not history.meta.get("features"):
        return
    windows = {feature["window"]: feature["did"] for feature in history.of("feature") if "window" in feature}
    seen = {windows.get(policy["window"]) for policy in history.of("policy")}
    if not any(policy["paused"] for policy in history.of("policy")):
        yield "the pause", "was never in force"
    for did in ("close", "open"):
        if did not in seen:
            yield "the off-peak window", f"was never seen to {did}"
    if history.meta.get("form") != "long":
        return
    jobs = history.jobs.values()
    if not any(step["kind"] == "amended" for job in jobs for step in job.life):
        yield "the amendments", "there were none"
    for name in ("window", "spot"):
        if not any(job.pods for job in jobs if job.spec.get(name)):
            yield name, "no job that asked for it was launched"
