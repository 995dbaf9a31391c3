"""A team runs away: alert, cause, proposal, approval, back to what it was. On a local stack on which nothing has run yet, as docs/alerts.md says:

    python docs/examples/runaway_team.py history    before the workers are started
    python docs/examples/runaway_team.py            once they run

Made up are the fourteen days before, of two teams that spend $24 a day each, and that an hour without a GPU costs $2. All else happens: team vision's jobs
run, what they cost is charged, the alert comes of it some 15 minutes later, and what is approved is in force at once."""

import json
import os
import subprocess
import sys
import time
import uuid

from confluent_kafka import Producer

HOUR, DAY = 3600, 86_400
USUAL = 1_000_000  # micro-dollars an hour, of each team
PARALLEL, JOBS, SECONDS = 6, 400, 60


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def usual_days():
    """As the cost worker would have published them."""
    producer = Producer({"bootstrap.servers": os.environ["OPPEN_KAFKA_BROKERS"], "partitioner": "murmur2_random"})
    now = int(time.time()) // HOUR * HOUR
    for start in range(now - 14 * DAY, now, HOUR):
        for team in ("vision", "speech"):
            data = {
                "job_id": f"{team}-usual",
                "attempt": 1,
                "namespace": "ml-training",
                "model_type": "mnist",
                "workload_type": "training",
                "team": team,
                "project": f"{team}-project",
                "gpu_type": "",
                "interval_start": rfc3339(start),
                "interval_end": rfc3339(start + HOUR),
                "gpu_microusd": 0,
                "cpu_microusd": USUAL,
                "memory_microusd": 0,
                "total_microusd": USUAL,
                "multipliers": {"time": 1, "priority": 1, "spot": 1},
                "correction": False,
                "final": False,
            }
            headers = {
                "ce_specversion": "1.0",
                "ce_id": str(uuid.uuid4()),
                "ce_source": "/runaway-team",
                "ce_type": "dev.oppen.cost.accrued.v1",
                "ce_time": rfc3339(start + HOUR),
                "content-type": "application/json",
            }
            fields = [(name, text.encode()) for name, text in headers.items()]
            producer.produce("oppen.costs", json.dumps(data), data["job_id"], headers=fields, timestamp=(start + HOUR) * 1000)
        producer.poll(0)
    if producer.flush(60) > 0:
        sys.exit("Kafka does not answer")


def oppen(*arguments, stdin=""):
    done = subprocess.run(["oppen", *arguments, "-o", "json"], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"oppen {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout else {}


def patch(config_map, **values):
    command = ["kubectl", "-n", os.environ["OPPEN_NAMESPACE"], "patch", "configmap", config_map, "--type=merge", "-p", json.dumps({"data": values})]
    subprocess.run(command, check=True, capture_output=True)


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def wait(condition, pause=5):
    while not (found := condition()):
        time.sleep(pause)
    return found


def main():
    if sys.argv[1:] == ["history"]:
        say("fourteen days of two teams that spend $24 a day each")
        return usual_days()
    if oppen("status").get("completed", 0) > 0:
        sys.exit("jobs have run here already: take a stack of its own, as docs/alerts.md says")
    patch("cost-model", cpu_only_hourly_usd="2.00")
    patch("scheduling-policies", max_concurrent_jobs=str(PARALLEL))

    say(f"team vision submits {JOBS} jobs of a minute; {PARALLEL} run at once, and each costs $2 an hour")
    spec = {"model_type": "mnist", "team": "vision", "project": "vision-project", "env": {"SIMULATED_DURATION": f"{SECONDS}s"}}
    spec["resources"] = {"gpus": 0, "cpu": "100m", "memory": "64Mi"}
    jobs = [{"job_id": f"vision-more-{number}", **spec} for number in range(JOBS)]
    oppen("submit-batch", "-", stdin=json.dumps({"batch_id": "vision-more", "jobs": jobs}))

    say("the alert comes in some 15 minutes")
    spike = lambda: [one for one in oppen("alerts", "list")["alerts"] if one["kind"] == "cost_spike" and one["told"]]  # noqa: E731
    alert = wait(spike)[0]
    say(alert["summary"])
    for cause in alert["causes"]:
        say(f"  {100 * cause['share']:.0f} %  {cause['dimension']} {cause['value']}: {cause['explanation']}")
    proposal = next(one for one in oppen("proposals")["proposals"] if one["proposal_id"] == alert["proposal_id"])
    say(f"proposed: {proposal['summary']}; saves ${proposal['predicted_savings_microusd'] / 1e6:.2f}")

    if os.environ.get("APPROVE") != "yes" and input(f"oppen approve {proposal['proposal_id']} [Enter, or Ctrl-C] ") != "":
        sys.exit("not approved")
    oppen("approve", proposal["proposal_id"], "--reason", "runaway")
    limit = int(proposal["changes"]["value"])
    wait(lambda: oppen("status")["running"] <= limit, 1)
    say(f"{limit} runs at once, at ${2 * limit} an hour, in place of ${2 * PARALLEL}. The alert is over once three hours cost what is usual")


if __name__ == "__main__":
    main()
