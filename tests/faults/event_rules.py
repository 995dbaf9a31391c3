"""What the events promise: nothing lost, one end, seq, duplicates, batches, answers."""

import collections

from history import ENDED_PHASES, TERMINAL, for_the_user
from rule import rule


def _verdicts(history, batch_id):
    """A batch that was refused for its user may be taken when it comes again."""
    about = history.about_batch(batch_id)
    found = {event["kind"] for event in about} & {"batch.queued", "batch.rejected"}
    rejections = [event for event in about if event["kind"] == "batch.rejected"]
    if "batch.queued" in found and all(for_the_user(event["kind"], event["data"]) for event in rejections):
        found.discard("batch.rejected")
    return found


def _refused_for_the_user(history, job):
    """How often a valid command for the job was refused because its user has too many."""
    if job.batch:
        about = history.about_batch(job.batch)
        return len({event["id"] for event in about if for_the_user(event["kind"], event["data"])})
    return len({event["data"]["seq"] for event in job.events if for_the_user(event["kind"], event["data"])})


@rule
def history_is_complete(history):
    """Of the checker itself: each partition's offsets without a gap, each acknowledged command in the log, and a pod of each
    attempt that is told as launched."""
    offsets = collections.defaultdict(list)
    for event in history.of("event"):
        offsets[f"job-events/{event['partition']}"].append(event["offset"])
    offsets["jobs"] = [command["offset"] for command in history.of("command")]
    for partition, found in offsets.items():
        if sorted(found) != list(range(len(found))):
            yield partition, f"{len(found)} records were seen, the highest offset is {max(found)}"
    known = set(offsets["jobs"])
    for acked in history.of("acked"):
        if acked["offset"] not in known:
            yield f"jobs/{acked['offset']}", "was acknowledged and is not in the log"
    for job in history.jobs.values():
        seen = {pod["attempt"] for pod in job.pods}
        for step in job.life:
            if step["kind"] == "launched" and step["data"]["attempt"] not in seen:
                yield job.id, f"attempt {step['data']['attempt']} was launched, and no pod of it was seen"


@rule
def nothing_is_lost(history):
    """An accepted job is queued and ends. (A batch that was rejected as a whole has been answered.)"""
    for job in history.jobs.values():
        if not job.accepted:
            continue
        kinds = [step["kind"] for step in job.life]
        if not kinds and job.batch and {"batch.rejected"} == _verdicts(history, job.batch):
            continue
        if _refused_for_the_user(history, job) and "queued" not in kinds:
            continue
        if "queued" not in kinds:
            yield job.id, f"was accepted and never queued; its life: {kinds}"
        elif kinds[-1] not in TERMINAL:
            yield job.id, f"has not ended; its life: {kinds}"


@rule
def nothing_is_invented(history):
    """No event and no end without a command: what was never validly asked for is never queued; a cancel was asked for."""
    for job in history.jobs.values():
        kinds = {event["kind"] for event in job.events}
        if not job.submissions:
            yield job.id, f"was never submitted, and yet: {sorted(kinds)}"
        elif not job.accepted and kinds - {"rejected"}:
            yield job.id, f"was invalid, and yet: {sorted(kinds)}"
        if "cancelled" in kinds and not history.cancels(job):
            yield job.id, "was cancelled, and nobody asked for that"
        if "amended" in kinds and not history.amendments(job):
            yield job.id, "was amended, and nobody asked for that"


@rule
def ends_once(history):
    """Exactly one terminal event, and nothing after it, however often and in whatever order the records come."""
    for job in history.jobs.values():
        ends = {event["data"]["seq"]: event["kind"] for event in job.events if event["kind"] in TERMINAL}
        if len(ends) > 1:
            yield job.id, f"has ended {len(ends)} times: {ends}"
        for seq, kind in ends.items():
            later = {event["data"]["seq"]: event["kind"] for event in job.events if event["data"]["seq"] > seq}
            if later:
                yield job.id, f"went on after {kind} (seq {seq}): {later}"
                break


@rule
def seq_has_no_gap(history):
    """1, 2, ... n for a consumer that drops what is not above the last."""
    for job in history.jobs.values():
        numbers = [step["data"]["seq"] for step in job.life]
        if numbers != list(range(1, len(numbers) + 1)):
            yield job.id, f"seq is {numbers}; as it came: {[event['data']['seq'] for event in job.events]}"


@rule
def same_seq_same_event(history):
    """What comes twice is the same."""
    for job in history.jobs.values():
        first = {}
        for event in job.events:
            known = first.setdefault(event["data"]["seq"], event)
            if (known["kind"], known["id"], known["data"]) != (event["kind"], event["id"], event["data"]):
                changed = [
                    name for name in {*known["data"], *event["data"]} if known["data"].get(name) != event["data"].get(name)
                ]
                yield (
                    job.id,
                    f"two events of seq {event['data']['seq']}: {known['kind']}, {event['kind']}, unlike in {sorted(changed)}",
                )
                break


@rule
def states_follow_each_other(history):
    """rejected* queued (launched started? requeued)* end; attempts grow by one, and an event is of the attempt it follows."""
    for job in history.jobs.values():
        state, attempt = "new", 0
        for step in job.life:
            kind, of = step["kind"], step["data"]["attempt"]
            allowed = {
                "rejected": state in ("new", "rejected") and of == 0,
                "queued": state in ("new", "rejected") and of == 0,
                "launched": state in ("queued", "requeued") and of == attempt + 1,
                "started": state == "launched" and of == attempt,
                "requeued": state in ("launched", "started") and of == attempt,
                "amended": state in ("queued", "requeued") and of == attempt,
                "succeeded": state in ("launched", "started") and of == attempt,
                # An attempt that was decided and never accepted has no job.launched.
                "failed": state in ("queued", "requeued", "launched", "started") and of in (attempt, attempt + 1),
                "cancelled": state in ("queued", "requeued", "launched", "started") and of in (attempt, attempt + 1),
            }
            if not allowed.get(kind, False):
                yield job.id, f"{kind} of attempt {of} after {state} of attempt {attempt}"
                break
            state, attempt = state if kind == "amended" else kind, of


@rule
def dependents_wait(history):
    """A job is launched only when all that it waits for have succeeded, and fails for that reason only when one has not."""
    succeeded = {job.id for job in history.jobs.values() if any(step["kind"] == "succeeded" for step in job.life)}
    for job in history.jobs.values():
        missing = [name for name in job.spec.get("after", ()) if name not in succeeded]
        if missing and any(step["kind"] == "launched" for step in job.life):
            yield job.id, f"was launched; {missing[0]}, which it waits for, has not succeeded"
        if not missing and any(step["data"].get("class") == "dependency" for step in job.life):
            yield job.id, "failed for what it waits for; all of that has succeeded"


@rule
def batch_is_all_or_none(history):
    """All of its jobs are queued and batch.queued says so, or none is and batch.rejected says why."""
    members = collections.defaultdict(dict)
    intents = {}
    for command in history.of("command"):
        if command["kind"] == "batch.submit" and command["intent"] != "poison":
            intents[command["key"]] = command["intent"]
            for spec in command["data"]["jobs"]:
                members[command["key"]][spec["job_id"]] = None
    for batch_id, ids in members.items():
        verdicts = _verdicts(history, batch_id)
        queued = [job_id for job_id in ids if any(event["kind"] == "queued" for event in history.jobs[job_id].events)]
        wanted = "batch.queued" if intents[batch_id] == "valid" else "batch.rejected"
        # A cancel that stood before the batch was decided refuses it as a whole.
        cancelled = verdicts == {"batch.rejected"} and any(
            command["kind"] == "job.cancel" and command["data"].get("batch_id") == batch_id for command in history.of("command")
        )
        refused = any(for_the_user(event["kind"], event["data"]) for event in history.about_batch(batch_id))
        if len(verdicts) != 1:
            yield batch_id, f"has the verdicts {sorted(verdicts)}"
        elif verdicts != {wanted} and not cancelled and not refused:
            yield batch_id, f"is {intents[batch_id]} and has been answered by {sorted(verdicts)}"
        if len(queued) not in (0, len(ids)):
            yield batch_id, f"{len(queued)} of its {len(ids)} jobs were queued"
        elif verdicts == {"batch.rejected"} and queued or verdicts == {"batch.queued"} and not queued:
            yield batch_id, f"{sorted(verdicts)}, and {len(queued)} of its jobs were queued"


@rule
def a_duplicate_makes_no_second_job(history):
    """One job.queued for each id, of the first command that could be accepted; each further copy is answered by job.duplicate."""
    for job in history.jobs.values():
        queued = {event["data"]["seq"]: event["data"]["source_offset"] for event in job.events if event["kind"] == "queued"}
        if len(queued) > 1:
            yield job.id, f"was queued {len(queued)} times, by the commands {sorted(queued.values())}"
        if len(queued) != 1 or job.batch:
            continue
        [taken] = queued.values()
        copies = [command["offset"] for command, _, _ in job.submissions if command["intent"] == "valid"]
        refused = _refused_for_the_user(history, job)
        if copies and taken not in copies[: 1 + refused]:
            yield job.id, f"was queued by the command {taken}; the first that asked for it is {copies[0]}"
        unanswered = [
            offset for offset in copies if offset != taken and f"{job.id}/duplicate/{offset}" not in history.answers
        ]
        if len(unanswered) > refused:
            yield job.id, f"the copies at {unanswered} have no job.duplicate"


@rule
def every_command_is_answered(history):
    """A wrong job by job.rejected (or job.duplicate), a batch by its verdict, a cancel by job.cancelled or a refusal."""
    batches = {event["key"] for event in history.of("event") if event["kind"].startswith("batch.")}
    refused = collections.defaultdict(list)
    for event in history.of("event"):
        if event["kind"] == "cancel-refused":
            refused[event["key"]].append(event["data"]["why"])
    for command in history.of("command"):
        if command["intent"] == "poison":
            continue
        key, where = command["key"], f"the {command['kind']} at jobs/{command['offset']}"
        if command["kind"] == "job.submit" and command["intent"] == "invalid":
            kinds = {event["kind"] for event in history.jobs[key].events}
            if "rejected" not in kinds and f"{key}/duplicate/{command['offset']}" not in history.answers:
                yield key, f"{where} was not rejected"
        elif command["kind"] == "batch.submit" and key not in batches:
            yield key, f"{where} has no answer"
        elif command["kind"] == "job.cancel" and "job_id" in command["data"]:
            ended = [event["kind"] for event in history.jobs[key].events] if key in history.jobs else []
            if "cancelled" not in ended and key not in refused:
                yield key, f"{where} has no answer: neither job.cancelled nor job.cancel-refused"
        elif command["kind"] == "job.cancel" and key not in refused:
            jobs = [job for job in history.jobs.values() if job.batch == key]
            rejected = any(event["kind"] == "batch.rejected" for event in history.about_batch(key))
            if not rejected and not any(step["kind"] == "cancelled" for job in jobs for step in job.life):
                # The jobs that had begun to end when it came tell by a refusal of their own.
                if not any(job.id in refused for job in jobs):
                    yield key, f"{where} has no answer"


@rule
def ends_are_named_rightly(history):
    """A rejected job was wrong; the program's own fault is only told where the program failed; a pod is lost only where somebody
    took it or its node away; a success is a pod that succeeded, and a pod that succeeded is a success."""
    taken = {fault["pod"] for fault in history.of("fault") if "pod" in fault}
    dead_nodes = {fault["node"] for fault in history.of("fault") if "node" in fault}
    for job in history.jobs.values():
        ended_as, nodes, never_began = collections.defaultdict(set), {}, set()
        for pod in job.pods:
            # One that could not start was given up; why, only Redis knew, which may have been lost.
            if pod["deleting"] and not pod["node"]:
                never_began.add(pod["attempt"])
            if pod["phase"] in ENDED_PHASES:
                ended_as[pod["attempt"]].add(pod["phase"])  # a simulated node may say both of a pod that is deleted as it ends
            nodes[pod["attempt"]] = pod["node"] or nodes.get(pod["attempt"], "")
        for step in job.life:
            data, attempt = step["data"], step["data"]["attempt"]
            pod = f"{job.id}-{attempt}"
            reason = data.get("class")
            excused = pod in taken or nodes.get(attempt) in dead_nodes or attempt in never_began
            if (
                step["kind"] == "rejected"
                and job.submissions
                and all(command["intent"] == "valid" for command, _, _ in job.submissions)
                and not for_the_user(step["kind"], data)
            ):
                yield job.id, f"was right, and rejected: {data.get('reason')}"
            elif step["kind"] == "succeeded" and ended_as[attempt] == {"Failed"}:
                yield job.id, f"is said to have succeeded; its pod {pod} failed"
            elif step["kind"] in ("failed", "requeued") and ended_as[attempt] == {"Succeeded"}:
                yield job.id, f"is said to have ended with {reason}; its pod {pod} succeeded"
            elif reason == "user_error" and job.spec.get("env", {}).get("SIMULATED_EXIT_CODE", "0") == "0" and not excused:
                yield job.id, f"{step['kind']} with user_error; its program does not fail"
            elif reason == "preempted" and not (job.spec.get("spot") and excused):
                yield job.id, f"{step['kind']} with class preempted; it had not asked for spot, or nobody took its node"
            elif reason in ("lost", "node") and not excused:
                yield (
                    job.id,
                    f"{step['kind']} with class {reason}; nobody touched {pod}: {data.get('message') or data.get('reason')}",
                )
