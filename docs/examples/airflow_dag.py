"""A training every night, in Airflow 3: its id is made of the date, so that a task that is run again finds the same job."""

import datetime

import oppen
from airflow.sdk import dag, task


@task(retries=2)
def train(ds: str) -> dict:
    with oppen.Client() as client:  # brokers and passwords come from OPPEN_KAFKA_BROKERS and OPPEN_KAFKA_PROPERTIES
        job_id = client.submit({"job_id": f"nightly-{ds}", "model_type": "mnist", "epochs": 2, "resources": {"gpus": 0}})
        outcome = client.wait(job_id, timeout=4 * 3600)
    if outcome.data["state"] != "succeeded":
        raise RuntimeError(f"{job_id} {outcome.data['state']}: {outcome.data.get('message') or outcome.data.get('reason')}")
    return outcome.data.get("metrics", {})


@dag(schedule="0 22 * * *", start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), catchup=False)
def nightly_training():
    train()


nightly_training()
