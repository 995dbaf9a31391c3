"""Training that tells how it goes: python docs/examples/train.py [--termination-log FILE]. In a job's pod OPPEN_JOB_ID and the other
variables are set; the scheduler reads the termination log, whether or not the brokers can be reached from there."""

import argparse
import datetime
import json
import math
import os
import pathlib
import sys

import oppen


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--termination-log", type=pathlib.Path, default=pathlib.Path("/dev/termination-log"))
    log = arguments.parse_args().termination_log
    job_id, attempt = os.environ.get("OPPEN_JOB_ID", "by-hand-3"), int(os.environ.get("OPPEN_ATTEMPT", "1"))
    epochs, batch_size = int(os.environ.get("OPPEN_EPOCHS", "2")), int(os.environ.get("OPPEN_BATCH_SIZE", "64"))
    model_type = os.environ.get("OPPEN_MODEL_TYPE", "mnist")
    started, metrics = now(), {}
    with oppen.Client() as client:
        try:
            for epoch in range(1, epochs + 1):
                metrics = {"loss": math.exp(-epoch)}  # here the model would learn
                client.report_progress({"job_id": job_id, "attempt": attempt, "epoch": epoch, "epochs": epochs, "metrics": metrics})
            client.report_completed(
                {
                    "run_id": f"{job_id}-{attempt}", "job_id": job_id, "attempt": attempt, "status": "succeeded",
                    "model_type": model_type, "workload_type": "training", "epochs": epochs, "batch_size": batch_size, "gpus": 0,
                    "started_at": started, "ended_at": now(), "duration_seconds": (now() - started).total_seconds(),
                    "priority": "normal", "spot": False, "team": "vision", "project": "search", "metrics": metrics,
                }
            )  # fmt: skip
            print(f"reported {job_id}-{attempt}")
        except oppen.Unacknowledged as error:  # no reason to lose what has been trained
            print(error, file=sys.stderr)
    if log.exists():
        log.write_text(json.dumps(metrics))
    return 0


if __name__ == "__main__":
    sys.exit(main())
