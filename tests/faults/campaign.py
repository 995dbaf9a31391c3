"""Runs a random workload on a private stack with two schedulers, disturbs it by faults, and holds its history against the
promises.

Usage: campaign.py [--runs N] [--seed S] [--form short|long] [--junit FILE]

Every other run (those of an even seed) has jobs that wait for the off-peak window or ask for a spot node, amendments, pauses and a
limit of jobs for each user.

Each run has a seed, which is printed and by which it can be run again: the same commands and the same faults, though not at
the same microsecond. A run that broke a promise leaves its history and logs in build/faults.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import xml.sax.saxutils

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "spine"))

import rules  # noqa: E402
from features import NO_FEATURES, Features  # noqa: E402
from fleet import Fleet, wait_led  # noqa: E402
from harness.bus import Bus  # noqa: E402
from harness.kube import Kube  # noqa: E402
from harness.stack import ROOT, Stack  # noqa: E402
from harness.verify import verify  # noqa: E402
from harness.waiting import wait_until  # noqa: E402
from history import TERMINAL, History, for_the_user  # noqa: E402
from injector import LONG, NODE_LOST_AFTER, SHORT, Injector  # noqa: E402
from recorder import BusRecorder, PodRecorder, look_at_redis, pod_entry  # noqa: E402
from workload import INTENT, Workload  # noqa: E402

FORMS = {"long": (500, LONG), "short": (60, SHORT)}
SLOTS = 8
BACKLOG = 25  # jobs that are submitted and not ended: so there are always some in each state
MISCHIEF = 0.08  # of the requests that change pods


class Sender:
    """Sends the workload at the pace at which the system gets on with it."""

    def __init__(self, workload, bus, history, injector):
        self._workload, self._bus, self._history, self._injector = workload, bus, history, injector
        self._later = list(workload.later)
        self._open = []
        self._sent = set()
        self._steps_sent = 0
        self.trouble = None

    def progress(self):
        """How much of it all has ended."""
        return (len(self._sent) - len(self._open)) / len(self._workload.job_ids)

    def run(self):
        try:
            self._send_all()
        except Exception as trouble:  # noqa: BLE001  told by come_to_rest()
            self.trouble = trouble

    def _send_all(self):
        for step in self._workload.steps:
            while len(self.open_jobs()) >= BACKLOG or self._is_ahead_of_the_faults():
                self._send_later()
                time.sleep(0.05)
            self._send(step)
            self._steps_sent += 1
            for command in step:
                if command.intent == "valid" and command.kind.endswith(".submit"):
                    specs = command.data.get("jobs", [command.data])
                    jobs = [
                        (spec["job_id"], command.data.get("batch_id")) for spec in specs if spec["job_id"] not in self._sent
                    ]
                    self._sent.update(job_id for job_id, _ in jobs)
                    self._open += jobs
            self._send_later()
        while self._later:
            self._send_later(at_last=not self.open_jobs())
            time.sleep(0.05)

    def open_jobs(self):
        """Those that have not ended, or been refused with their batch."""
        self._open[:] = [
            (job_id, batch_id)
            for job_id, batch_id in self._open
            if not self._has_ended(job_id) and not (batch_id and self._bus.events(batch_id, "batch.rejected"))
        ]
        return [job_id for job_id, _ in self._open]

    def _has_ended(self, job_id):
        life = self._bus.life(job_id)
        return bool(life) and (life[-1].kind in TERMINAL or for_the_user(life[-1].kind, life[-1].data))

    def _is_ahead_of_the_faults(self):
        faults = self._injector
        return faults.fired < len(faults.plan) and self._steps_sent / len(self._workload.steps) > (faults.fired + 1) / len(
            faults.plan
        )

    def _send_later(self, at_last=False):
        due = [later for later in self._later if at_last or self._bus.events(later.job_id, later.after)]
        self._later = [later for later in self._later if later not in due]
        if due:
            self._send([later.command for later in due])

    def _send(self, commands):
        records = []
        for command in commands:
            value, key, headers = command.data, command.key, list(command.headers)
            if command.kind:
                value, key, headers = self._bus.command(command.kind, command.data, command.key, command.event_id)
            records.append((value, key, [*headers, (INTENT, command.intent.encode())]))
        for offset in self._bus.produce_all(records):
            self._history.add("acked", offset=offset)


def run(seed, form, folder):
    """The history of one run."""
    count, plan = FORMS[form]
    with_features = seed % 2 == 0
    history = History({"seed": seed, "form": form, "max_concurrent_jobs": SLOTS, "began": time.time(), "features": with_features})
    stack = Stack(folder / "stack")
    with contextlib.ExitStack() as undo:
        undo.callback(put_away, stack, folder)
        stack.up()
        undo.callback(lambda: history.save(folder / "history.jsonl"))
        kube, bus = Kube(stack), Bus(stack)
        undo.callback(bus.close)
        draw = random.Random(seed)
        ttl = draw.choice(("3", "3600"))
        policies = {"max_concurrent_jobs": str(SLOTS), "launch_timeout_seconds": "15", "finished_pod_ttl_seconds": ttl}
        policies |= {"retry_hold_seconds": "1", "backfill_enabled": draw.choice(("true", "false"))}
        policies["node_lost_after_seconds"] = str(NODE_LOST_AFTER)
        if with_features:
            history.meta["max_jobs_per_user"] = draw.choice((6, 8, 10))  # of some 25 that are open, of three users
            policies["max_jobs_per_user"] = str(history.meta["max_jobs_per_user"])
        kube.patch("configmaps/scheduling-policies", {"data": policies})
        undo.callback(PodRecorder(kube, history).close)
        undo.callback(BusRecorder(bus, history).close)
        fleet = Fleet(stack, folder, history, MISCHIEF, seed)
        undo.callback(fleet.close)
        wait_led(fleet)
        history.meta["began"] = time.time()
        features = Features(stack, kube, bus, history, seed) if with_features else NO_FEATURES
        injector = Injector(stack, fleet, kube, history, seed, plan, features.nodes)
        sender = Sender(Workload(seed, count, with_features), bus, history, injector)
        sending = threading.Thread(target=sender.run, daemon=True)
        sending.start()
        features.start()
        injector.run(sender.progress)
        features.end()
        fleet.behave()
        history.add("fault", fault="that was the last one")
        come_to_rest(history, stack, kube, bus, sender, sending, ttl)
        history.add("disturbed", planned=plan, done=injector.done, mischief=fleet.mischief())
        code, report = verify(stack)
        history.add("verify", code=code, said=json.dumps(report))
    return history


def put_away(stack, folder):
    logs = folder / "stack" / "log"
    if logs.exists():
        shutil.copytree(logs, folder / "stack-log")
    stack.down()


def come_to_rest(history, stack, kube, bus, sender, sending, ttl):
    """Waits until all has ended and is cleared away, and records what is left then."""
    try:
        wait_until("the end of the submissions", lambda: not sending.is_alive(), 240, pause=0.2)
        wait_until("the end of all jobs", lambda: not sender.open_jobs(), 240, pause=0.2)
    except AssertionError:
        pass  # the rules will say so, with the jobs' histories
    if sender.trouble:
        raise sender.trouble

    def look():
        pods = [pod_entry("LISTED", pod) for pod in kube.pods()]
        redis = look_at_redis(stack)
        handled = int(stack.redis("HGET", "{oppen.scheduler}:meta", "next:jobs") or 0)
        unread = max((record.offset for record in bus.records("oppen.jobs")), default=-1) + 1 - handled
        redis["left"]["commands unread"] = max(0, unread)
        clean = not any(redis["left"].values()) and not any(pod["finalizer"] for pod in pods) and not (ttl == "3" and pods)
        found.update(pods=pods, redis=redis)
        return clean

    found = {}
    try:
        wait_until("nothing left over", look, 60, pause=0.5)
    except AssertionError:
        pass
    history.add("final", **found, open=sender.open_jobs(), sent=not sending.is_alive(), ttl=ttl)


def seen_of_features(history):
    """What came of the features, if they were on."""
    if not history.meta["features"]:
        return ""
    kinds = collections.Counter(step["kind"] for job in history.jobs.values() for step in job.life)
    launched = [job.spec for job in history.jobs.values() if job.pods]
    refused = sum(any(for_the_user(step["kind"], step["data"]) for step in job.life) for job in history.jobs.values())
    pauses = sum(feature["did"] == "pause" for feature in history.of("feature"))
    off_peak = sum(spec.get("window") == "off_peak" for spec in launched)
    spot = sum(spec.get("spot", False) for spec in launched)
    return (
        f", {pauses} pauses, {off_peak} jobs in the off-peak window, {spot} on spot, {kinds['amended']} amendments, "
        f"{refused} jobs refused for their user"
    )


def disturbances(history):
    """How often it was disturbed, and how long nobody led after that."""
    [run] = history.of("disturbed")
    claims = [claim["at"] for claim in history.of("claim")]
    told = [f"{sum(run['done'].values())} faults, {sum(run['mischief'].values())} requests refused or lost"]
    for fault, name in (("kill -9 of the leader", "kill"), ("SIGSTOP of the leader", "pause")):
        ends = [entry["at"] for entry in history.of("fault") if entry["fault"] == fault]
        gaps = sorted(min((claim - end for claim in claims if claim > end), default=float("inf")) for end in ends)
        if gaps:
            told.append(f"the next leader {gaps[0]:.1f} to {gaps[-1]:.1f} s after a {name}")
    return ", ".join(told)


def judge(seed, form):
    """Runs one seed; its line is printed. What was wrong, or ""."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oppen-faults."))
    began = time.monotonic()
    trouble = ""
    try:
        history = run(seed, form, folder)
        breaches = rules.check(history)
        if breaches:
            trouble = rules.report(history, breaches)
        pods = len({pod["uid"] for pod in history.of("pod")})
        told = f"{len(history.jobs)} jobs, {pods} pods, {disturbances(history)}{seen_of_features(history)}"
    except Exception:  # noqa: BLE001  a run that could not be done has shown nothing, and the next one goes on
        trouble = f"seed {seed}: the run broke off\n{traceback.format_exc()}"
        told = "broke off"
    verdict = "all promises held"
    if trouble:
        kept = ROOT / "build" / "faults" / f"{form}-{seed}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("stack"))
        (kept / "report.txt").write_text(trouble)
        verdict = f"BROKEN; history, logs and report are in {kept}"
        print(trouble, file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"seed {seed} ({form}{', with features' if seed % 2 == 0 else ''}): {told}, {time.monotonic() - began:.0f} s: {verdict}", flush=True)
    return trouble


def junit(path, results):
    escape = xml.sax.saxutils.escape
    cases = [
        f'<testcase classname="faults" name="seed {seed}">'
        + (f"<failure>{escape(trouble)}</failure>" if trouble else "")
        + "</testcase>"
        for seed, trouble in results.items()
    ]
    failures = sum(bool(trouble) for trouble in results.values())
    text = f'<testsuite name="faults" tests="{len(cases)}" failures="{failures}">{"".join(cases)}</testsuite>\n'
    pathlib.Path(path).write_text("".join(letter for letter in text if letter >= " " or letter in "\n\t"))


def main():
    # What it has started it stops, also when it is ended before its time.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, help="of the first run; the others follow it")
    parser.add_argument("--form", choices=sorted(FORMS), default="long")
    parser.add_argument("--junit")
    arguments = parser.parse_args()
    first = random.SystemRandom().randrange(1, 1_000_000) if arguments.seed is None else arguments.seed
    results = {}
    for seed in range(first, first + arguments.runs):
        print(f"seed {seed} ({arguments.form}) begins", flush=True)
        results[seed] = judge(seed, arguments.form)
    if arguments.junit:
        junit(arguments.junit, results)
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
