"""The cost worker: every attempt is charged its price to the micro-dollar, whatever dies meanwhile."""

import datetime
import json
import pathlib
import random
import signal
import time

import pytest
from harness.bus import Bus
from harness.charges import accounts, by_day
from harness.prices import Prices, milliseconds
from harness.stack import Stack
from harness.worker import Worker

COST_MODEL = "configmaps/cost-model"
ENDS = ("job.succeeded", "job.failed", "job.requeued", "job.cancelled")
# A killed member is given up sooner than by default: the least that the broker allows.
SOON = {"OPPEN_KAFKA_PROPERTIES": "session.timeout.ms=6000"}


def cost_worker(stack, logs, label):
    return Worker(stack, "oppen-cost", None, logs, label=label, settings=SOON)


def policies_of(bus):
    return Prices([record.data for record in bus.records("oppen.control") if record.type == "policy.changed"])


def prices_of(bus, wanted):
    """By (job id, attempt): its start, end, and price as (gpu, cpu, memory), from the events of its end."""
    prices, found = policies_of(bus), {}
    for record in bus.records("oppen.job-events"):
        if not record.readable or record.type not in ENDS:
            continue
        data = record.data
        if data.get("started_at") and wanted(data["job_id"]):
            start, end = milliseconds(data["started_at"]), milliseconds(data["ended_at"])
            found[data["job_id"], data["attempt"]] = (start, end, prices.of(data, data.get("gpu_type", ""), start, end))
    return found


def wait_charged(bus, wanted, attempts, deadline=60):
    """Until so many attempts are charged to their end."""
    charged = {}

    def all_final():
        charged.clear()
        charged.update(accounts(bus, wanted))
        return sum(account.final for account in charged.values()) >= attempts

    def what():
        return f"{attempts} attempts charged; open are {[key for key, one in charged.items() if not one.final][:5]} of {len(charged)}"

    bus.wait_for(what, all_final, deadline)


def each_costs_its_price(bus, wanted, attempts, deadline=60):
    wait_charged(bus, wanted, attempts, deadline)
    bus.caught_up()
    charged, prices = accounts(bus, wanted), prices_of(bus, wanted)
    assert len(prices) == attempts and charged.keys() == prices.keys()
    for key, (start, end, price) in prices.items():
        account = charged[key]
        assert (account.gpu, account.cpu, account.memory) == price, key
        assert (account.start, account.until, account.final) == (start, end, True), key
    return charged


RUN_FIELDS = (  # as workers/cost/books/run.cpp has them
    "run_id name team project user model_type workload_type priority spot gpus gpu_share wanted_gpu_type cpu memory "
    "gpu_type other_gpu_types state attempts epochs epochs_done batch_size precision started ended charged_until metrics "
    "baseline gpu_use gpu_use_max use_source gpu_memory cores_mean cores_max memory_max gpu_microusd cpu_microusd "
    "memory_microusd run_ms gpu_ms measured effective seq epochs_attempt reported tells_epochs tells_accuracies advice_due "
    "listed"
).split()
RUN_WORDS = "training inference batch queued running succeeded failed cancelled sm_active gpu_utilization".split()


def run_record(stack, job_id):
    """A run of the books in Redis: what there is of it, by name."""
    # Of a number cjson writes 14 digits.
    script = """
        local run = cmsgpack.unpack(redis.call('GET', KEYS[1]))
        run[1] = string.format('%.0f', run[1])
        return cjson.encode(run)"""
    present, *values = json.loads(stack.redis("EVAL", script, "1", f"{{oppen.cost}}:run:{job_id}"))
    names = [name for number, name in enumerate(RUN_FIELDS) if int(present) >> number & 1]
    run = dict(zip(names, values, strict=False))  # behind them stand the attempts
    for name in ("state", "use_source"):
        if isinstance(run.get(name), int):
            run[name] = RUN_WORDS[run[name]]
    return run


def books_agree(stack, bus, charged):
    """What the worker's books in Redis say of days and of jobs is what was charged."""

    def day(key):
        lines = stack.redis("HGETALL", key).splitlines()
        amounts = dict.fromkeys("gcm", 0)
        for field, amount in zip(lines[::2], lines[1::2], strict=True):
            if field[0] in amounts:
                amounts[field[0]] += int(amount)
        return tuple(amounts.values())

    keys = stack.redis("--scan", "--pattern", "{oppen.cost}:day:*").split()
    assert {key[-10:]: day(key) for key in keys} == by_day(bus)
    jobs = {}
    for (job_id, _), account in charged.items():
        sums = jobs.setdefault(job_id, [0, 0, 0])
        for place, amount in enumerate((account.gpu, account.cpu, account.memory)):
            sums[place] += amount
    for job_id, sums in jobs.items():
        run = run_record(stack, job_id)
        assert [run.get(name, 0) for name in ("gpu_microusd", "cpu_microusd", "memory_microusd")] == sums, job_id
        assert (run["name"], run["state"]) == ("made", "running")


# On the whole stack, with jobs that really run.


@pytest.fixture(scope="module")
def cost(world):
    worker = cost_worker(world.stack, world.logs, "cost").start()
    yield worker.wait_ready()
    assert worker.stop() == 0, worker.tail()


def metric(worker, name, /, **labels):
    """The value of the series with these labels; None when there is none."""
    for line in worker.get("/metrics")[1].splitlines():
        if line.startswith(name + "{") and all(f'{label}="{value}"' in line for label, value in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    return None


def test_every_attempt_costs_its_price(bus, kube, jobs, policies, cost):
    """Priorities, GPUs, a retry, cancels, and rates that change while they run."""
    policies.set(max_concurrent_jobs=20, retry_hold_seconds=1)
    before = kube.get(COST_MODEL)["data"]

    def wanted(job_id):
        return job_id.startswith(jobs.id(""))

    long = jobs.spec("long", seconds=600, team="vision", project="digits", resources={"cpu": "250m"})
    gone = jobs.spec("gone", seconds=600, priority="urgent")
    fails = jobs.spec("fails", seconds=3, max_retries=1, env={"SIMULATED_EXIT_CODE": "1"})
    specs = [
        long,
        gone,
        fails,
        jobs.spec("gpu", seconds=7, resources={"gpus": 1, "cpu": "1500m", "memory": "1Gi"}),
        jobs.spec("background", seconds=9, priority="background"),
        *(jobs.spec(f"short-{number}", seconds=number / 10) for number in range(5)),
    ]
    try:
        bus.submit(*specs)
        for spec in (long, gone):
            bus.wait_event(spec["job_id"], "started")
        labels = {"pod_name": f"{long['job_id']}-1", "pod_namespace": "ml-training", "model": "mnist", "workload_type": "training"}
        cost.wait("the running pod's rate", lambda: metric(cost, "pod_hourly_cost_usd", **labels))
        kube.patch(COST_MODEL, {"data": {"cpu_only_hourly_usd": "7.000001", "memory_gb_hourly_usd": "0.333333"}})
        bus.wait_for("the new rates", lambda: policies.changes()[-1].data["cost_model"]["cpu_only_hourly_usd"] == "7.000001")
        bus.cancel(job_id=gone["job_id"])
        bus.wait_for("a charge while it runs", lambda: accounts(bus, lambda job_id: job_id == long["job_id"]))
        bus.cancel(job_id=long["job_id"])
        bus.wait_ended([spec["job_id"] for spec in specs])
    finally:
        kube.patch(COST_MODEL, {"data": before})
        bus.wait_for("the old rates", lambda: policies.changes()[-1].data["cost_model"] == before)
    attempts = len(prices_of(bus, wanted))
    assert attempts == len(specs) + 1, "one of them is tried twice"
    charged = each_costs_its_price(bus, wanted, attempts)
    account = charged[long["job_id"], 1]
    assert len(account.events) >= 2
    told = account.events[0]
    assert (told["team"], told["project"], told["pod"]) == ("vision", "digits", f"{long['job_id']}-1")
    assert told["multipliers"]["priority"] == 1 and told["multipliers"]["spot"] == 1
    total = metric(cost, "oppen_cost_usd_total", team="vision", project="digits", model="mnist")
    # What was charged too far and taken back stays in the counter until more than that has been charged again.
    assert round(total * 1_000_000) >= account.total > 0


# On Kafka and Redis alone, with events made here: far more than jobs could run.


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cost")
    stack = Stack(folder / "stack", services="kafka,redis")
    try:
        stack.up()
        bus = Bus(stack)
        policy = {"scheduling_policies": {}, "cost_model": {"gpu_hourly_usd": "0.777777"}, "effective_from": stamp(time.time() - 700)}
        bus.produce_all([bus.command("policy.changed", policy, "policy")], "oppen.control")
        yield stack, bus, folder
        bus.close()
    finally:
        stack.down()


@pytest.fixture
def workers(bare):
    """Starts one; those that run at the end are stopped."""
    stack, _, folder = bare
    started = []

    def start():
        started.append(cost_worker(stack, folder, f"cost-{len(started)}").start())
        return started[-1]

    yield start
    for worker in started:
        if worker.runs():
            worker.signal(signal.SIGCONT)
            assert worker.stop() == 0, worker.tail()


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class MadeJobs:
    """Events as the scheduler would tell them, of attempts that have begun within the last ten minutes."""

    def __init__(self, bus, name, seed):
        self._bus = bus
        self._name = name
        self._draw = random.Random(seed)
        self._number = 0
        self.attempts = 0

    def wanted(self, job_id):
        return job_id.startswith(self._name + "-")

    def command(self, kind, job_id, seq, attempt, **fields):
        draw = random.Random(job_id)  # the same in each of its events
        data = {
            "job_id": job_id,
            "seq": seq,
            "attempt": attempt,
            "state": "running",
            "name": "made",
            "model_type": "mnist",
            "workload_type": "training",
            "priority": draw.choice(("urgent", "normal", "background")),
            "team": draw.choice(("vision", "speech")),
            "project": "digits",
            "user": "kim",
            "resources": {
                **draw.choice(({"gpus": 0}, {"gpus": 2}, {"gpus": 0, "gpu_share": 0.25})),
                "cpu": f"{draw.randrange(1, 9000)}m",
                "memory": f"{draw.randrange(1, 99999)}Mi",
            },
            "spot": draw.random() < 0.3,
            "epochs": 1,
            "batch_size": 64,
            "pod": f"{job_id}-{attempt}",
            "namespace": "ml-training",
            "node": "n",
            "gpu_type": draw.choice(("T4", "A100", "other")),
            **fields,
        }
        return self._bus.command(kind, data, job_id, f"{job_id}/{seq}")

    def run(self, count):
        """Events of so many jobs: of some the begin is missing, some are told twice, some are retried."""
        records = []
        for _ in range(count):
            self._number += 1
            job_id = f"{self._name}-{self._number}"
            begin = time.time() - self._draw.uniform(120, 600)
            mine = []
            for attempt in range(1, self._draw.choice((2, 2, 3))):
                end = begin + self._draw.choice((0, self._draw.uniform(0, 55)))
                times = {"started_at": stamp(begin)}
                if self._draw.random() < 0.7:
                    mine.append(self.command("job.started", job_id, attempt * 3 + 1, attempt, **times))
                if mine and self._draw.random() < 0.3:
                    mine.append(mine[-1])
                mine.append(
                    self.command(
                        "job.failed", job_id, attempt * 3 + 2, attempt, **times, ended_at=stamp(end), message="", **{"class": "node"}
                    )
                )
                begin = end
                self.attempts += 1
            if self._draw.random() < 0.3:
                self._draw.shuffle(mine)
            records.extend(mine)
        self._bus.produce_all(records, "oppen.job-events")


def test_killed_again_and_again_under_load(bare, workers):
    """One instance, then three, one of them paused until others have what it had, then one: kill -9 each time in the midst of work."""
    stack, bus, _ = bare
    made = MadeJobs(bus, "killed", 1)

    def charges():
        return len(bus.records("oppen.costs"))

    def kill_at_work(worker, jobs):
        before = charges()
        made.run(jobs)
        bus.wait_for("some charges", lambda: charges() > before + 20)
        worker.kill()

    first = workers()
    made.run(400)
    for _ in range(11):
        kill_at_work(first, 60)
        first.start()
    others = [workers(), workers()]
    for worker in others:
        worker.wait_ready()
    for number in range(8):
        kill_at_work(others[number % 2], 60)
        others[number % 2].start()
    wait_charged(bus, made.wanted, made.attempts, 90)
    first.signal(signal.SIGSTOP)  # for longer than the group waits
    made.run(300)  # in every partition: those that were the paused one's are charged by others
    wait_charged(bus, made.wanted, made.attempts, 90)
    made.run(150)
    first.signal(signal.SIGCONT)
    others[0].kill()
    made.run(100)
    assert others[1].stop() == 0, others[1].tail()
    books_agree(stack, bus, each_costs_its_price(bus, made.wanted, made.attempts, 90))


def test_redis_is_lost(bare, workers):
    """Emptied under a living worker, before one starts, and it dies while it reads back what was charged from the topic costs."""
    stack, bus, _ = bare
    made = MadeJobs(bus, "lost", 2)
    worker = workers()
    made.run(200)
    bus.wait_for("some charges", lambda: accounts(bus, made.wanted))
    stack.redis("FLUSHALL")
    made.run(200)
    wait_charged(bus, made.wanted, made.attempts)
    worker.kill()
    stack.redis("FLUSHALL")
    for place in (1, 3):
        worker.start()
        rebuilding = f"{{oppen.cost}}:partition:{place}"
        bus.wait_for("a part of it", lambda: stack.redis("HEXISTS", rebuilding, "costs") == "1")  # noqa: B023
        worker.kill()
    worker.start()
    made.run(50)
    books_agree(stack, bus, each_costs_its_price(bus, made.wanted, made.attempts))
    worker.wait("policies are in Redis again", lambda: int(stack.redis("HLEN", "{oppen.cost}:policies")) > 0)


def test_a_run_from_outside(bare, workers):
    """Charged once, by its run_id, whoever reports it twice, and whoever dies before it is known to be published; what a job reports is in
    its record."""
    stack, bus, _ = bare
    worker = workers()
    end = time.time() - 30
    outside = {
        "run_id": "outside-1",
        "model_type": "outsider",
        "workload_type": "training",
        "status": "succeeded",
        "epochs": 3,
        "batch_size": 64,
        "gpus": 2,
        "gpu_type": "T4",
        "started_at": stamp(end - 3600),
        "ended_at": stamp(end),
        "duration_seconds": 3600,
        "metrics": {"accuracy": 0.9},
        "priority": "normal",
        "spot": False,
        "team": "vision",
        "project": "digits",
    }
    bus.produce_all([bus.command("run.completed", outside, "outside-1", event_id) for event_id in ("r1", "r2")], "oppen.runs")
    progress = {"job_id": "told-1", "attempt": 1, "epoch": 2, "epochs": 3, "at": stamp(end)}
    progress |= {"epoch_seconds": 1.5, "metrics": {"loss": 0.5}}
    bus.produce_all([bus.command("run.progress", progress, "told-1")], "oppen.runs")

    def charges():
        return {record.id: record.data for record in bus.records("oppen.costs") if record.data.get("run_id") == "outside-1"}

    bus.wait_for("its last charge", lambda: any(data.get("final") for data in charges().values()))
    run = {"resources": {"gpus": 2, "cpu": "0", "memory": "0"}, "priority": "normal", "spot": False}
    price = policies_of(bus).of(run, "T4", milliseconds(outside["started_at"]), milliseconds(outside["ended_at"]))
    assert (sum(data["gpu_microusd"] for data in charges().values()), 0, 0) == price
    assert all("job_id" not in data and data["attempt"] == 0 for data in charges().values())
    bus.wait_for("the job's progress", lambda: stack.redis("LRANGE", "{oppen.cost}:epochs:told-1", "0", "-1") == "1.5")
    told = run_record(stack, "told-1")
    assert (told["epochs_done"], told["metrics"]) == (2, {"loss": 0.5})

    def scan(pattern):
        return stack.redis("--scan", "--pattern", "{oppen.cost}:" + pattern).split()

    def books():
        days = {key: stack.redis("HGETALL", key).split("\n") for key in scan("day:*")}
        of_it = sorted((key, *pair) for key, all_of in days.items() for pair in zip(*[iter(all_of)] * 2) if "outsider" in pair[0])
        return of_it, run_record(stack, ":outside-1")

    bus.wait_for("nothing that is to be published", lambda: not scan("outbox:*"))
    before = books()
    assert before[0]
    worker.kill()
    forgotten = [key for key in scan("partition:*") if stack.redis("HDEL", key, "costs") == "1"]
    assert forgotten
    workers()
    bus.wait_for("what is published is recalled", lambda: all(stack.redis("HEXISTS", key, "costs") == "1" for key in forgotten))
    assert books() == before


def test_telemetry_divides_the_cost(bare, workers):
    """What was measured of an attempt's GPU time and how much of that worked stands beside its charges; twice told counts once."""
    stack, bus, _ = bare
    worker = workers().wait_ready()
    made = MadeJobs(bus, "measured", 6)
    now = time.time()
    job = {
        "resources": {"gpus": 1, "cpu": "1", "memory": "1Gi"},
        "gpu_type": "T4",
        "priority": "normal",
        "spot": False,
        "started_at": stamp(now - 100),
    }
    bus.produce_all([made.command("job.started", "measured-1", 1, 1, **job)], "oppen.job-events")
    charged = bus.wait_for("a charge", lambda: [record for record in bus.records("oppen.costs") if record.key == "measured-1"])
    # It has taken its partitions over, so that telemetry is read from here on.
    worker.wait("it runs", lambda: worker.metric("oppen_cost_open_attempts") >= 1)
    samples = []
    for number in range(3):
        sample = {
            "node": "n",
            "gpu_uuid": "GPU-1",
            "gpu_index": 0,
            "gpu_type": "T4",
            "sampled_at": stamp(now - 60 + 10 * number),
            "interval_seconds": 10,
            "utilization_percent": 50,
            "memory_used_mb": 1000 + number,
            "memory_total_mb": 16000,
            "temperature_celsius": 50,
            "power_watts": 60,
            "job_id": "measured-1",
            "attempt": 1,
        }
        samples += [bus.command("gpu.sample", sample, "measured-1", f"measured/{number}")] * 2
    partition = charged[0].partition

    def tell():
        bus.produce_all(samples, "oppen.telemetry")
        offset = bus.produce(b"garbage", "measured-1", [], "oppen.telemetry", partition=partition)
        told = bus.wait_for("a dead letter", lambda: letter(bus, partition, offset, "oppen.telemetry"))
        assert "specversion" in told.headers["oppen_error"].decode()

    tell()
    usage = f"{{oppen.cost}}:usage:{partition}"
    bus.wait_for("the samples", lambda: stack.redis("HGET", usage, "measured-1/1"))
    worker.kill()
    worker.start()
    tell()
    job |= {"ended_at": stamp(now - 1), "message": "", "class": "node", "state": "failed"}
    bus.produce_all([made.command("job.failed", "measured-1", 2, 1, **job)], "oppen.job-events")
    wait_charged(bus, lambda job_id: job_id == "measured-1", 1)
    run = run_record(stack, "measured-1")
    begin = milliseconds(stamp(now - 70))
    price, _, _ = policies_of(bus).of(job, "T4", begin, begin + 30_000)
    assert abs(run["measured"] - price) <= 2 and abs(run["effective"] - price / 2) <= 2
    assert (run["gpu_use"], run["use_source"], run["gpu_memory"]) == (50, "gpu_utilization", 1002)
    bus.wait_for("it is forgotten", lambda: not stack.redis("HGET", usage, "measured-1/1"))


def test_a_record_that_nobody_survives_is_set_aside(bare, workers):
    """As Redis says of it; those behind it count."""
    stack, bus, _ = bare
    worker = workers()
    made = MadeJobs(bus, "deadly", 5)
    now = time.time()

    def failed(attempt):
        times = {"started_at": stamp(now - 60 + attempt * 10), "ended_at": stamp(now - 55 + attempt * 10)}
        return made.command("job.failed", "deadly-1", attempt, attempt, **times, message="", **{"class": "node"})

    bus.produce_all([failed(1)], "oppen.job-events")
    each_costs_its_price(bus, lambda job_id: job_id == "deadly-1", 1)
    partition = next(record.partition for record in bus.records("oppen.costs") if record.key == "deadly-1")
    assert worker.stop() == 0, worker.tail()
    offset = bus.produce_all([failed(2)], "oppen.job-events")[0]
    stack.redis("HSET", f"{{oppen.cost}}:partition:{partition}", "tried:job-events", f"{offset} 3 another")
    bus.produce_all([failed(3)], "oppen.job-events")
    worker.start()
    reason = bus.wait_for("a dead letter", lambda: letter(bus, partition, offset)).headers["oppen_error"].decode()
    assert "crash" in reason
    wait_charged(bus, lambda job_id: job_id == "deadly-1", 2)


def test_what_cannot_be_read_is_set_aside(bare, workers):
    """On the dead letter's topic with the reason, and what lies in the wrong partition is moved to the right one."""
    _, bus, _ = bare
    worker = workers()
    made = MadeJobs(bus, "bad", 3)
    now = stamp(time.time())

    def put(command):
        value, key, headers = command
        offset = bus.produce(value, key, headers, "oppen.job-events", partition=5)
        return bus.wait_for(f"a dead letter of {value}", lambda: letter(bus, 5, offset)).headers["oppen_error"].decode()

    assert "specversion" in put((b"garbage", "bad-a", []))
    broken = made.command("job.started", "bad-b", 1, 1, started_at="yesterday")
    assert "started_at" in put(broken)
    late = made.command("job.failed", "bad-c", 2, 1, started_at=now, ended_at="2199-01-01T00:00:00Z", message="", **{"class": "node"})
    assert "ended_at" in put(late)
    value, _, headers = made.command("job.started", "bad-d", 1, 1, started_at=now)
    assert "key" in put((value, "bad-e", headers))
    assert metric(worker, "oppen_dead_letters_total", topic="oppen.job-events", worker="cost") >= 4

    ended = {"started_at": stamp(time.time() - 20), "ended_at": now, "state": "failed", "message": "", "class": "node"}
    value, key, headers = made.command("job.failed", "bad-moved", 2, 1, **ended)
    for partition in (3, 4):  # one of them at least is wrong
        bus.produce(value, key, headers, "oppen.job-events", partition=partition)
    each_costs_its_price(bus, lambda job_id: job_id == "bad-moved", 1)
    assert worker.metric("oppen_misplaced_records_total") >= 1


def test_ten_thousand_running_attempts(bare, workers):
    """In less than 50 MB."""
    _, bus, _ = bare
    made = MadeJobs(bus, "many", 4)
    worker = workers()
    begin = stamp(time.time())
    ids = [f"many-{number}" for number in range(10_000)]
    bus.produce_all([made.command("job.started", job_id, 1, 1, started_at=begin) for job_id in ids], "oppen.job-events")
    wanted = set(ids)
    bus.wait_for("a charge of each", lambda: wanted <= {record.key for record in bus.records("oppen.costs")}, 90)
    worker.wait("all are counted", lambda: worker.metric("oppen_cost_open_attempts") == len(ids))
    status = pathlib.Path(f"/proc/{worker.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 50 * 1024, f"{peak} kB"


def letter(bus, partition, offset, topic="oppen.job-events"):
    for record in bus.records("oppen.dead-letter"):
        place = [record.headers.get(f"oppen_{of}") for of in ("topic", "partition", "offset")]
        if place == [topic.encode(), b"%d" % partition, b"%d" % offset]:
            return record
    return None
