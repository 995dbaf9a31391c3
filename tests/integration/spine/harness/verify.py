"""oppen-scheduler, run to its end beside whatever else runs on the stack."""

import json
import os
import subprocess

from .worker import program


def run_scheduler(stack, *arguments, deadline=120, **settings):
    """(exit code, standard output, standard error)"""
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("OPPEN_", "KUBE"))},
        **{key: value for key, value in stack.env.items() if key.startswith("OPPEN_")},
        "KUBECONFIG": stack.env["KUBECONFIG_SCHEDULER"],
        "OPPEN_LISTEN": "127.0.0.1:0",
        **settings,
    }
    done = subprocess.run(
        [program("oppen-scheduler"), *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=deadline,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def verify(stack):
    """(exit code, report)"""
    code, output, errors = run_scheduler(stack, "--verify", "-o", "json")
    assert code in (0, 1), errors
    report = json.loads(output)
    assert report["agrees"] == (code == 0)
    return code, report


def drifts(report):
    return {(drift["kind"], drift["subject"]) for drift in report["drifts"]}
