"""The stack as its user has it: the programs oppen and kubectl."""

import datetime
import json
import os
import subprocess
import time

NAMESPACE = os.environ.get("OPPEN_NAMESPACE", "ml-training")
COST_MODEL = "cost-model"


class Failed(Exception):
    pass


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def call(*command, stdin=""):
    """What it prints, as JSON."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failed(f"{command[0]} can't be run ({error.strerror}): source deploy/local/env first") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return json.loads(done.stdout)


def oppen(*arguments, stdin=""):
    return call("oppen", *arguments, "-o", "json", stdin=stdin)


def wait_for(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"no {what} within {seconds} s")
        time.sleep(0.2)
    return found


def submit(spec):
    return oppen("submit", "-f", "-", stdin=json.dumps(spec))["job_id"]


def finish(job_id, seconds):
    """Waits for its end; the job."""
    done = subprocess.run(["oppen", "wait", job_id, "--timeout", str(seconds)], capture_output=True, text=True, check=False)
    job = oppen("describe", job_id)
    if done.returncode != 0:
        raise Failed(f"{job_id} is {job['state']}: {job.get('failure', {}).get('message', '')} {done.stderr}".strip())
    return job


def charged(job_ids):
    """By job, once each is charged to its end: what `oppen report` says of it (total_microusd, run)."""
    for job_id in job_ids:
        wait_for(f"last charge of {job_id}", lambda job_id=job_id: oppen("forecast", job_id)["basis"] == "ended", 120)
    project = oppen("describe", job_ids[0])["project"]
    today = now().date()
    days = ["--from", str(today - datetime.timedelta(days=1)), "--to", str(today)]  # it may have begun before midnight
    rows = oppen("report", *days, "--project", project, "--by", "run")["groups"]
    found = {row["key"]: row for row in rows if not row.get("rest")}
    if missing := set(job_ids) - found.keys():
        raise Failed(f"oppen report has nothing of {', '.join(sorted(missing))}")
    return found


def kubectl(*arguments):
    return call("kubectl", "-n", NAMESPACE, *arguments, "-o", "json")


def has_nodes(label):
    return bool(call("kubectl", "get", "nodes", "-l", label, "-o", "json")["items"])


def off_peak_window():
    return kubectl("get", "configmap", COST_MODEL)["data"].get("off_peak_window")


def set_off_peak_window(window):
    """None takes the key away."""
    change = json.dumps({"data": {"off_peak_window": window}})
    kubectl("patch", "configmap", COST_MODEL, "--type", "merge", "--patch", change)
