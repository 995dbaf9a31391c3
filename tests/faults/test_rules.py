"""The checker itself: a good history breaks no rule, and each rule finds the breach that it is there for. A check that
cannot fail is none."""

import copy

import pytest
import rules
from history import History

SPEC = {"job_id": "a", "model_type": "mnist", "env": {}}


def command(offset, kind="job.submit", key="a", data=None, intent="valid"):
    return {
        "what": "command",
        "offset": offset,
        "kind": kind,
        "key": key,
        "data": {**SPEC, "job_id": key} if data is None else data,
        "intent": intent,
    }


def event(offset, kind, seq, attempt=1, key="a", partition=0, **data):
    states = {"launched": "launching", "started": "running", "requeued": "queued"}
    context = {"job_id": key, "seq": seq, "attempt": attempt, "state": states.get(kind, kind)}
    return {
        "what": "event",
        "partition": partition,
        "offset": offset,
        "id": f"{key}/{seq}",
        "kind": kind,
        "key": key,
        "data": {**context, **data},
    }


def answer(offset, kind, key, event_id, **data):
    return {"what": "event", "partition": 0, "offset": offset, "id": event_id, "kind": kind, "key": key, "data": data}


def pod(
    change,
    phase,
    job="a",
    attempt=1,
    uid="u1",
    node="n",
    deleting=False,
    finalizer=True,
    created="1970-01-01T00:00:00Z",
    epoch=3,
):
    names = {"name": f"{job}-{attempt}", "uid": uid, "job": job, "attempt": attempt, "epoch": epoch}
    state = {"phase": phase, "reason": "", "node": node, "deleting": deleting, "finalizer": finalizer, "created": created}
    return {"what": "pod", "change": change, **names, **state}


def fault(name, **particulars):
    return {"what": "fault", "fault": name, **particulars}


def disturbed(**done):
    planned = {"kill_kafka": 1, "delete_pod": 1}
    return {"what": "disturbed", "planned": planned, "done": {**planned, **done}, "mischief": {"409": 0, "lost": 1}}


def policy(since, paused=False, window="other"):
    return {"what": "policy", "since": since, "paused": paused, "window": window}


def amend(offset, **changes):
    return command(offset, "job.amend", "a", {"job_id": "a", "changes": changes})


def amended(offset, told=None, **changes):
    """The answer, as the job's second event."""
    return [event(4, "amended", 2, 0, changes=changes, source_offset=offset, **{**changes, **({"priority": told} if told else {})})]


# What the features do in one turn, and what is seen of it.
TURN = [
    {"what": "feature", "did": "close", "window": "w"},
    policy(80, window="w"),
    {"what": "feature", "did": "open", "window": "o"},
    policy(90, window="o"),
    {"what": "feature", "did": "pause"},
    policy(91, paused=True, window="o"),
]


def letter(offset, reason="is not JSON", intact=True):
    return {"what": "letter", "source": "oppen.jobs", "offset": offset, "reason": reason, "intact": intact}


def final(**changes):
    redis = {"left": {"outbox": 0}, "states": {"a": "succeeded"}, "counters": {"state:n:s": 1}, "counted": {"state:n:s": 1}}
    return {"what": "final", "pods": [pod("LISTED", "Succeeded", finalizer=False)], "redis": {**redis, **changes}, "open": []}


# One entry a second: a job's whole life, a poison record, and what is left.
GOOD = {
    "claim": {"what": "claim", "offset": 3, "instance": "i"},
    "submit": command(0),
    "acked": {"what": "acked", "offset": 0},
    "poison": command(1, kind="", data=None, intent="poison"),
    "letter": letter(1),
    "queued": event(0, "queued", 1, attempt=0, source_offset=0),
    "pending": pod("ADDED", "Pending", node=""),
    "launched": event(1, "launched", 2),
    "running": pod("MODIFIED", "Running"),
    "started": event(2, "started", 3),
    "ended": pod("MODIFIED", "Succeeded"),
    "succeeded": event(3, "succeeded", 4),
    "released": pod("MODIFIED", "Succeeded", finalizer=False),
    "exit": {"what": "exit", "label": "scheduler-a", "code": 0, "expected": [0]},
    "disturbed": disturbed(),
    "final": final(),
}


def history(changes=None, after=None, more=(), meta=None):
    """GOOD with entries changed (None takes one away), put after others, or added at the end."""
    entries = []
    for name, entry in GOOD.items():
        entries.append((changes or {}).get(name, entry))
        entries += (after or {}).get(name, [])
    entries = [copy.deepcopy(entry) for entry in [*entries, *more] if entry]
    return History({"seed": 7, "max_concurrent_jobs": 2, **(meta or {})}, [{"at": float(at), **entry} for at, entry in enumerate(entries)])


def broken(found):
    return {breach.rule for breach in rules.check(found)}


def events(*kinds):
    """The life of job a by these kinds, in place of the good one."""
    return {
        **dict.fromkeys(("queued", "launched", "started", "succeeded")),
        "submit": command(0),
        "exit": None,
    }, [
        event(offset, kind, offset + 1, attempt=0 if kind == "queued" else 1, source_offset=0)
        for offset, kind in enumerate(kinds)
    ]


def lived(*kinds):
    changes, more = events(*kinds)
    return history(changes, more=more)


def batch(intent="valid", ids="bc"):
    return command(2, "batch.submit", "t", {"batch_id": "t", "jobs": [{**SPEC, "job_id": job_id} for job_id in ids]}, intent)


def second_pod(**changes):
    return pod("ADDED", "Running", attempt=2, uid="u2", **changes)


OTHER = [command(2, key="b"), event(4, "queued", 1, 0, "b", source_offset=2)]
REQUEUED = event(3, "requeued", 4, **{"class": "user_error", "reason": "exit code 1"})

FAILED = {"ended": pod("MODIFIED", "Failed"), "released": None}

# rule: bad histories, each of which it must find.
BAD = {
    "history_is_complete": [
        history({"launched": None}),
        history({"submit": None}),
        history(dict.fromkeys(("pending", "running", "ended", "released"))),
    ],
    "nothing_is_lost": [history({"succeeded": None}), lived(), lived("rejected"), history(more=[command(2, key="lost")])],
    "nothing_is_invented": [
        history(more=[event(4, "queued", 1, 0, "ghost", source_offset=9)]),
        history({"submit": command(0, intent="invalid")}),
        history({"succeeded": event(3, "cancelled", 4)}),
    ],
    "ends_once": [
        history(more=[event(4, "failed", 5, **{"class": "lost"})]),
        history(more=[event(4, "queued", 5, 0, source_offset=1)]),
        lived("queued", "cancelled", "launched"),
    ],
    "seq_has_no_gap": [
        history({"started": event(2, "started", 4), "succeeded": event(3, "succeeded", 5)}),
        # What overtakes hides what it overtook.
        history({"launched": event(1, "started", 3), "started": event(2, "launched", 2)}),
    ],
    "same_seq_same_event": [
        history(after={"succeeded": [event(4, "failed", 4, **{"class": "lost"})]}),
        history(after={"started": [event(3, "started", 3, node="another")]}, changes={"succeeded": event(4, "succeeded", 4)}),
    ],
    "states_follow_each_other": [
        lived("queued", "started", "succeeded"),
        lived("queued", "launched", "launched", "succeeded"),
        history({"launched": event(1, "launched", 2, attempt=2)}),
        history({"succeeded": event(3, "succeeded", 4, attempt=2)}),
    ],
    "dependents_wait": [
        history({"submit": command(0, data={**SPEC, "after": ["b"]})}),
        history({"succeeded": event(3, "failed", 4, **{"class": "dependency"})}),
    ],
    "batch_is_all_or_none": [
        history(more=[batch(), answer(4, "batch.queued", "t", "t/queued"), event(5, "queued", 1, 0, "b", source_offset=2)]),
        history(more=[batch()]),
        history(more=[batch(), answer(4, "batch.queued", "t", "t/queued"), answer(5, "batch.rejected", "t", "t/rejected/2")]),
        history(more=[batch(), answer(4, "batch.rejected", "t", "t/rejected/2")]),
        history(more=[batch("invalid"), answer(4, "batch.queued", "t", "t/queued")]),
    ],
    "a_duplicate_makes_no_second_job": [
        history(more=[command(2), event(4, "queued", 5, 0, source_offset=2)]),
        history(more=[command(2)]),
        history(
            {"queued": event(0, "queued", 1, 0, source_offset=2)},
            more=[command(2), answer(4, "duplicate", "a", "a/duplicate/2")],
        ),
    ],
    "every_command_is_answered": [
        history(more=[command(2, key="wrong", intent="invalid")]),
        history(more=[batch()]),
        history(more=[command(2, "job.cancel", "a", {"job_id": "a"})]),
        history(more=[command(2, "job.cancel", "nobody", {"job_id": "nobody"})]),
        history(more=[command(2, "job.cancel", "t", {"batch_id": "t"})]),
    ],
    "ends_are_named_rightly": [
        lived("rejected"),
        history(FAILED),
        history({"succeeded": event(3, "failed", 4, **{"class": "oom"})}),
        history({**FAILED, "succeeded": event(3, "failed", 4, **{"class": "user_error"})}),
        history({**FAILED, "succeeded": event(3, "failed", 4, **{"class": "lost"})}),
        history({**FAILED, "succeeded": event(3, "failed", 4, **{"class": "node"})}),
    ],
    "one_live_attempt": [
        history(after={"running": [second_pod()]}),
        history(after={"running": [second_pod(), pod("DELETED", "Running", attempt=2, uid="u2")]}),
        # A leader that woke excuses 10 s, not more.
        history(
            after={
                "running": [
                    fault("leader wakes up"),
                    second_pod(),
                    *[fault("-")] * 12,
                    pod("DELETED", "Running", attempt=2, uid="u2"),
                ]
            },
            changes={"ended": None},
        ),
    ],
    "an_attempt_runs_once": [
        history(
            after={
                "released": [
                    pod("DELETED", "Succeeded"),
                    pod("ADDED", "Running", uid="u2"),
                    pod("DELETED", "Running", uid="u2"),
                ]
            }
        ),
    ],
    "never_above_the_slots": [
        history(after={"running": [pod("ADDED", "Pending", "b", uid="u2", node=""), pod("ADDED", "Running", "c", uid="u3")]}),
        history(
            after={
                "running": [
                    pod("ADDED", "Running", "b", uid="u2"),
                    pod("ADDED", "Running", "c", uid="u3"),
                    pod("DELETED", "Running", "c", uid="u3"),
                ]
            }
        ),
    ],
    "nothing_is_launched_after_the_end": [
        history(after={"released": [pod("ADDED", "Pending", uid="u2", created="1970-01-01T00:01:00Z")]})
    ],
    "every_attempt_is_told": [
        history(after={"ended": [pod("ADDED", "Running", attempt=2, uid="u2")]}),
        history({"succeeded": None}),
    ],
    "pods_are_of_jobs_and_leaders": [
        history(more=[pod("ADDED", "Running", "ghost", uid="u2")]),
        history({"claim": None}),
    ],
    "a_paused_queue_launches_nothing": [
        history({"claim": policy(-1, paused=True)}),
        # The resume comes later than the pod.
        history({"claim": policy(-1, paused=True)}, more=[policy(99), {"what": "feature", "did": "resume"}]),
        history(
            {"succeeded": REQUEUED},
            after={"running": [policy(8.5, paused=True)]},
            more=[pod("ADDED", "Pending", attempt=2, uid="u2", created="1970-01-01T00:00:14Z")],
        ),
    ],
    "a_closed_window_launches_nothing_that_waits_for_it": [
        history(
            {"submit": command(0, data={**SPEC, "window": "off_peak"})},
            more=[policy(-1, window="w"), {"what": "feature", "did": "close", "window": "w"}],
        ),
    ],
    "nobody_has_more_jobs_than_allowed": [
        history(after={"running": OTHER}, meta={"max_jobs_per_user": 1}),
        history(more=[command(2, key="b"), event(4, "rejected", 1, 0, "b", code="not_allowed", field="user")]),
    ],
    "amendments_hold": [
        history(more=[amend(2)]),
        history(after={"queued": amended(2, priority="urgent")}),
        history(after={"queued": [amend(2, batch_size=32), *amended(2, priority="urgent")]}),
        history(after={"queued": [amend(2, priority="urgent"), *amended(2, priority="urgent", told="normal")]}),
        history(
            {
                "launched": event(1, "launched", 3, priority="urgent"),
                "running": {**pod("MODIFIED", "Running"), "priority": "normal"},
            },
        ),
        history(
            {"launched": event(1, "launched", 3, priority="normal")},
            after={"queued": [amend(2, priority="urgent"), *amended(2, priority="urgent")]},
        ),
    ],
    "the_features_were_on": [
        history(meta={"features": True}),
        history(more=TURN[:4], meta={"features": True}),
        history(more=TURN, meta={"features": True, "form": "long"}),
    ],
    "no_pod_is_left_over": [
        history({"final": {**final(), "pods": [pod("LISTED", "Running")]}}),
        history({"final": {**final(), "pods": [pod("LISTED", "Succeeded", finalizer=True)]}}),
    ],
    "the_queue_ends_empty": [history({"final": final(left={"outbox": 1})})],
    "the_counters_are_right": [history({"final": final(counters={"pods:n": 1})}), history({"final": final(counters={})})],
    "verify_agrees": [history(more=[{"what": "verify", "code": 1, "said": "1 difference"}])],
    "redis_agrees_with_the_log": [history({"final": final(states={"a": "running"})}), history({"final": final(states={})})],
    "what_cannot_be_read_is_set_aside": [
        history({"letter": None}),
        history(more=[letter(0)]),
        history({"letter": letter(1, reason="")}),
        history({"letter": letter(1, intact=False)}),
    ],
    "schedulers_end_only_when_told": [
        history({"exit": {"what": "exit", "label": "scheduler-a", "code": -11, "expected": []}}),
        history({"exit": {"what": "exit", "label": "scheduler-a", "code": 1, "expected": [0]}}),
    ],
    "the_faults_happened": [
        history({"disturbed": disturbed(kill_kafka=0)}),
        history({"disturbed": {**disturbed(), "mischief": {"409": 0, "lost": 0}}}),
    ],
    "all_came_to_rest": [history({"final": {**final(), "open": ["a"]}})],
}

# What must not be taken for a breach.
ALLOWED = {
    "a good run": history(),
    "what comes twice": history(after={"succeeded": [event(4, "started", 3), event(5, "succeeded", 4)]}),
    "a copy that is answered": history(more=[command(2), answer(4, "duplicate", "a", "a/duplicate/2")]),
    "a cancel that came too late": history(
        more=[command(2, "job.cancel", "a", {"job_id": "a"}), answer(4, "cancel-refused", "a", "x", why="finished")]
    ),
    "a dead letter that comes twice": history(more=[letter(1)]),
    "what a leader that woke put right in time": history(
        after={"running": [fault("leader wakes up"), second_pod(node=""), pod("DELETED", "Pending", attempt=2, uid="u2")]}
    ),
    "what a leader that woke launched after the end, and another took away": history(
        {"final": None},
        more=[fault("leader wakes up")]
        + [pod(change, "Pending", uid="u2", node="", created="1970-01-01T00:00:14Z") for change in ("ADDED", "DELETED")],
    ),
    "the next attempt after the last has ended": history(
        {
            "submit": command(0, data={**SPEC, "env": {"SIMULATED_EXIT_CODE": "1"}}),
            "ended": pod("MODIFIED", "Failed"),
            "succeeded": REQUEUED,
        },
        after={
            "released": [
                event(4, "launched", 5, 2),
                pod("ADDED", "Running", attempt=2, uid="u2"),
                event(5, "started", 6, 2),
                pod("MODIFIED", "Succeeded", attempt=2, uid="u2"),
                event(6, "succeeded", 7, 2),
            ]
        },
    ),
    "a pod that somebody took": history(
        {
            "ended": pod("MODIFIED", "Failed", deleting=True),
            "succeeded": event(3, "failed", 4, **{"class": "lost"}),
            "final": final(states={"a": "failed"}),
        },
        after={"started": [fault("a pod is deleted by hand", pod="a-1")]},
    ),
    "a batch": history(
        {"final": None},
        more=[batch(ids="b"), answer(4, "batch.queued", "t", "t/queued"), event(5, "queued", 1, 0, "b", source_offset=2)]
        + [command(3, "job.cancel", "t", {"batch_id": "t"}), event(6, "cancelled", 2, 0, "b")],
    ),
    "a pod of a job that was queued before the pause": history(after={"queued": [policy(5.5, paused=True)]}),
    "a pod after the pause": history(after={"claim": [{"what": "feature", "did": "resume"}, policy(0.5, paused=True)]}),
    "a turn of the features": history(more=TURN, meta={"features": True}),
    "a job that was refused for its user, and taken when it came again": history(
        {"queued": event(0, "queued", 2, 0, source_offset=2), "launched": event(1, "launched", 3), "started": event(2, "started", 4)}
        | {"succeeded": event(3, "succeeded", 5)},
        after={"submit": [event(4, "rejected", 1, 0, code="not_allowed", field="user")]},
        more=[command(2)],
        meta={"max_jobs_per_user": 1},
    ),
    "a job that was amended, and one that could not be any more": history(
        {"launched": event(1, "launched", 3, priority="urgent"), "started": event(2, "started", 4, priority="urgent")}
        | {"succeeded": event(3, "succeeded", 5, priority="urgent")}
        | {"pending": {**pod("ADDED", "Pending", node=""), "priority": "urgent"}},
        after={"queued": [amend(2, priority="urgent"), *amended(2, priority="urgent")]},
        more=[amend(3, batch_size=32), answer(5, "amend-refused", "a", "a/amend-refused/3", why="finished")],
    ),
    "a scheduler that was killed": history({"exit": {"what": "exit", "label": "scheduler-a", "code": -9, "expected": [-9]}}),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_promised_is_no_breach(what):
    assert rules.check(ALLOWED[what]) == []


@pytest.mark.parametrize(("rule", "number"), [(rule, number) for rule, bad in BAD.items() for number in range(len(bad))])
def test_a_breach_is_found(rule, number):
    assert rule in broken(BAD[rule][number])


def test_every_rule_has_been_seen_to_fail():
    assert set(BAD) == set(rules.RULES)


def test_a_report_tells_the_seed_and_the_jobs_whole_history():
    found = history({"succeeded": None})
    report = rules.report(found, rules.check(found))
    assert "seed 7" in report and "nothing_is_lost: a" in report
    for told in ("kind=queued", "kind=launched", "phase=Running", "kind=job.submit"):
        assert told in report


def test_a_history_survives_its_file(tmp_path):
    found = BAD["one_live_attempt"][0]
    found.save(tmp_path / "history.jsonl")
    again = History.load(tmp_path / "history.jsonl")
    assert again.meta["seed"] == 7 and rules.check(again) == rules.check(found) != []
