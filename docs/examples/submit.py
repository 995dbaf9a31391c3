"""Submits one job and waits for its end: python docs/examples/submit.py [model type]. Its exit code says whether the job succeeded."""

import sys

import oppen


def main() -> int:
    model_type = sys.argv[1] if len(sys.argv) > 1 else "mnist"
    with oppen.Client() as client:
        try:
            job_id = client.submit({"model_type": model_type, "epochs": 2, "resources": {"gpus": 0}})
        except oppen.InvalidInput as error:
            print(*error.faults, sep="\n", file=sys.stderr)
            return 2
        print(f"submitted {job_id}")
        outcome = client.wait(job_id, timeout=3600)
    print(outcome.data["state"], outcome.data.get("message") or outcome.data.get("reason") or outcome.data.get("metrics", ""))
    return 0 if outcome.data["state"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
