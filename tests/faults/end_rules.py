"""What is left when everything has ended: nothing, and the books agree."""

from pod_rules import is_live
from rule import rule


@rule
def no_pod_is_left_over(history):
    """No managed pod lives, none waits for its finalizer, and none is kept when its time to stay is over."""
    for final in history.of("final"):
        for pod in final["pods"]:
            if is_live(pod):
                yield pod["job"], f"pod {pod['name']} is still {pod['phase']}"
            elif pod["finalizer"]:
                yield pod["job"], f"pod {pod['name']} still has its finalizer"


@rule
def the_queue_ends_empty(history):
    """Nothing waits or is live in Redis, nothing is left in the outbox or staged."""
    for final in history.of("final"):
        for what, count in final["redis"]["left"].items():
            if count:
                yield what, f"{count} are left in Redis"


@rule
def the_counters_are_right(history):
    """Each sum is what the records add up to."""
    for final in history.of("final"):
        kept, counted = final["redis"]["counters"], final["redis"]["counted"]
        for field in sorted({*kept, *counted}):
            if kept.get(field, 0) != counted.get(field, 0):
                yield field, f"Redis keeps {kept.get(field, 0)}, its records add up to {counted.get(field, 0)}"


@rule
def redis_agrees_with_the_log(history):
    """The state that Redis keeps of each job is the one that its last event told."""
    for final in history.of("final"):
        for job in history.jobs.values():
            told = job.life[-1]["data"]["state"] if job.life else None
            kept = final["redis"]["states"].get(job.id)
            if told is not None and kept != told:
                yield job.id, f"is {kept} in Redis; its last event says {told}"


@rule
def verify_agrees(history):
    """The scheduler's own comparison of log, Redis, pods and quotas finds no difference either."""
    for verify in history.of("verify"):
        if verify["code"] != 0:
            yield "oppen-scheduler --verify", f"ended with {verify['code']}: {verify['said'][-2000:]}"


@rule
def what_cannot_be_read_is_set_aside(history):
    """Each poison record is in the dead letter, untouched and with a reason, and nothing else is."""
    letters = {}
    for letter in history.of("letter"):
        letters.setdefault((letter["source"], letter["offset"]), []).append(letter)
    poison = {("oppen.jobs", command["offset"]) for command in history.of("command") if command["intent"] == "poison"}
    for source, offset in poison - letters.keys():
        yield f"{source}/{offset}", "cannot be read and is not in the dead letter"
    for (source, offset), found in letters.items():
        if (source, offset) not in poison:
            yield f"{source}/{offset}", f"is in the dead letter, but could be read: {found[0]['reason']}"
        for letter in found:
            if not letter["reason"] or not letter["intact"]:
                yield (
                    f"{source}/{offset}",
                    f"its dead letter has the reason {letter['reason']!r} and is intact: {letter['intact']}",
                )


@rule
def schedulers_end_only_when_told(history):
    """No crash and no giving up: each end of a scheduler was a signal of ours, and SIGTERM ends with 0."""
    for end in history.of("exit"):
        if end["code"] not in end["expected"]:
            yield end["label"], f"ended with {end['code']}; expected: {end['expected'] or 'nothing'}"


@rule
def the_faults_happened(history):
    """A run that was not disturbed shows nothing. Late in it there may be no pod left to delete, and in a short one too few requests for
    each kind of mischief."""
    is_long = history.meta.get("form") == "long"
    for run in history.of("disturbed"):
        for name, times in run["planned"].items():
            least = int(is_long) if "delete" in name else times
            if run["done"][name] < least:
                yield name, f"was brought about {run['done'][name]} times, planned were {times}"
        mischief = run["mischief"]
        for did in [did for did, times in mischief.items() if times == 0 and (is_long or not any(mischief.values()))]:
            yield "the proxy", f"never did {did} to a request"


@rule
def all_came_to_rest(history):
    """Within the time given to it after the last fault."""
    for final in history.of("final"):
        if final.get("open"):
            yield "the run", f"{len(final['open'])} jobs were open when the time was over: {final['open'][:10]}"
