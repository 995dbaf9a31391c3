"""oppen-notifier between a real Kafka, a real Redis and real receivers: each state of an alert arrives where it belongs, whatever is
killed or away."""

import collections
import json
import os
import random
import subprocess
import time
import uuid

import pytest
from harness.bus import Bus
from harness.receivers import Alertmanager, HttpReceiver, MailServer, certificate
from harness.stack import Stack
from harness.waiting import PATIENCE, wait_until
from harness.worker import Worker, program
from standardwebhooks import Webhook, WebhookVerificationError

NAME = "oppen-notifier"
MEMORY = 50  # MB
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("notifier") / "stack", services="kafka,redis")
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture(scope="module")
def bus(stack):
    made = Bus(stack)
    yield made
    made.close()


@pytest.fixture
def receiver():
    made = HttpReceiver()
    yield made
    made.close()


class Notifier:
    """One with routes of its own, and the alerts of one test."""

    def __init__(self, stack, bus, folder):
        self.stack, self.bus, self.folder = stack, bus, folder
        self.team = f"team-{uuid.uuid4().hex[:8]}"
        self.workers = []

    def routes(self, *routes):
        """Each takes this test's alerts alone."""
        path = self.folder / "routes.json"
        path.write_text(json.dumps({"routes": [{"teams": [self.team], **route} for route in routes]}))
        return path

    def worker(self, *routes, **settings):
        settings["OPPEN_NOTIFIER_ROUTES"] = str(self.routes(*routes))
        self.workers.append(Worker(self.stack, NAME, None, self.folder, label=f"notifier-{len(self.workers)}", settings=settings))
        return self.workers[-1]

    def run(self, *arguments, **settings):
        """(exit code, standard output, standard error)"""
        env = {**os.environ, **self.stack.env, "OPPEN_NOTIFIER_ROUTES": str(self.folder / "routes.json"), **settings}
        done = subprocess.run([program(NAME), *arguments], env=env, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    def alert(self, name, state="firing", **fields):
        alert = {
            "alert_id": f"{self.team}-{name}-{state}",
            "fingerprint": f"{self.team}-{name}",
            "kind": "cost_spike",
            "severity": "critical",
            "state": state,
            "started_at": "2026-01-03T18:15:00Z",
            "summary": "Daily cost spike: expected $40, actual $55 (37 % increase)",
            "labels": {"team": self.team},
            **fields,
        }
        if state == "resolved":
            alert.setdefault("ended_at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        return alert

    def tell(self, *alerts):
        records = [self.bus.command("alert", alert, alert["fingerprint"]) for alert in alerts]
        self.bus.produce_all(records, topic="oppen.alerts")

    def receipts(self, worker):
        return [one for one in json.loads(worker.get("/deliveries")[1]) if one["alert_ids"][0].startswith(self.team)]


@pytest.fixture
def notifier(stack, bus, tmp_path):
    made = Notifier(stack, bus, tmp_path)
    yield made
    for worker in made.workers:
        if worker.runs():
            assert worker.stop() == 0, worker.tail()


def webhook(receiver, path="/hook", **route):
    return {"name": path.strip("/"), "type": "webhook", "url": receiver.url + path, **route}


def arrived(receiver, path, *alert_ids, worker):
    def all_there():
        return set(alert_ids) <= {alert["alert_id"] for alert in receiver.alerts(path)}

    worker.wait(f"{set(alert_ids)} arrive", all_there, PATIENCE)


def test_every_channel(notifier, receiver, tmp_path):
    """Slack, e-mail over STARTTLS with a password, a signed webhook, Alertmanager: what they get of one alert, and of its end."""
    tls = certificate(tmp_path)
    mail, manager = MailServer(tls), Alertmanager(tmp_path)
    (tmp_path / "slack").write_text(f"{receiver.url}/services/T0/B0/x\n")
    (tmp_path / "password").write_text("secret")
    try:
        worker = notifier.worker(
            {"name": "slack", "type": "slack", "url": {"file": str(tmp_path / "slack")}},
            {
                "name": "mail", "type": "email", "server": mail.url, "from": "oppen@example.com", "to": ["a@example.com", "b@example.com"],
                "username": "oppen", "password": {"file": str(tmp_path / "password")}, "ca_file": str(tls[0]),
            },
            webhook(receiver, signing_secret={"env": "SIGNING_SECRET"}),
            {"name": "manager", "type": "alertmanager", "url": manager.url},
            SIGNING_SECRET=SIGNING_SECRET,
        )  # fmt: skip
        worker.start().wait_ready()
        alert = notifier.alert("a", impact_microusd=15_000_000, proposal_id="limit-1", summary="Kosten höher: +37 %")
        alert["causes"] = [{"dimension": "model", "value": "resnet", "share": 0.62, "explanation": "3 new jobs"}]
        notifier.tell(alert)
        worker.wait("all have it", lambda: len(receiver.got) == 2 and mail.mails and alert["fingerprint"] in manager.alerts())

        by_path = {path: (headers, body) for path, headers, body, _ in receiver.got}
        text = json.loads(by_path["/services/T0/B0/x"][1])["text"]
        for part in ("*[critical] Kosten höher: +37 %*", "$15.00 more", "62 %  model resnet: 3 new jobs", "oppen approve limit-1"):
            assert part in text
        headers, body = by_path["/hook"]
        assert Webhook(SIGNING_SECRET).verify(body, headers)["alerts"][0]["alert_id"] == alert["alert_id"]
        with pytest.raises(WebhookVerificationError):
            Webhook(SIGNING_SECRET).verify(body.replace(b"critical", b"harmless"), headers)
        sender, recipients, message = mail.mails[0]
        assert (sender, recipients) == ("oppen@example.com", ["a@example.com", "b@example.com"])
        assert message["subject"] == "[critical] Kosten höher: +37 %"
        assert "oppen approve limit-1" in message.get_body().get_content()
        shown = manager.alerts()[alert["fingerprint"]]
        assert (shown["labels"]["alertname"], shown["labels"]["team"]) == ("cost_spike", notifier.team)
        assert shown["startsAt"] == "2026-01-03T18:15:00.000Z"

        notifier.tell(notifier.alert("a", "resolved"))
        worker.wait("all know that it is over", lambda: len(receiver.got) == 4 and len(mail.mails) == 2 and not manager.alerts())
        assert mail.mails[1][2]["subject"].startswith("[resolved] ")
        rss = int(next(line for line in open(f"/proc/{worker.pid}/status") if line.startswith("VmRSS")).split()[1]) / 1000
        assert rss < MEMORY
        log = worker.tail(1_000_000)
        assert "services/T0" not in log and SIGNING_SECRET not in log and "secret" not in log.replace("secrets", "")
    finally:
        mail.close()
        manager.stop()


def test_routes(notifier, receiver):
    worker = notifier.worker(
        webhook(receiver, "/all"),
        webhook(receiver, "/critical", severities=["critical"], resolved=False),
        webhook(receiver, "/queue", kinds=["queue_stalled"]),
        webhook(receiver, "/others", teams=["nobody"]),
        webhook(receiver, "/grave", severities=["critical"]),
        webhook(receiver, "/mild", severities=["warning"]),
    )
    worker.start().wait_ready()
    one, two = notifier.alert("one"), notifier.alert("two", severity="warning", kind="queue_stalled")
    over, last = notifier.alert("one", "resolved"), notifier.alert("last")
    notifier.tell(one, two)
    arrived(receiver, "/critical", one["alert_id"], worker=worker)
    notifier.tell(over)
    arrived(receiver, "/all", two["alert_id"], over["alert_id"], worker=worker)
    notifier.tell(last)
    arrived(receiver, "/all", last["alert_id"], worker=worker)
    arrived(receiver, "/critical", last["alert_id"], worker=worker)
    arrived(receiver, "/queue", two["alert_id"], worker=worker)
    assert {alert["alert_id"] for alert in receiver.alerts("/critical")} == {one["alert_id"], last["alert_id"]}
    assert receiver.alerts("/others") == []
    # An end goes where the beginning went, however grave it is by then.
    milder = notifier.alert("last", "resolved", severity="warning")
    notifier.tell(milder)
    arrived(receiver, "/grave", milder["alert_id"], worker=worker)
    third = notifier.alert("third", severity="warning")
    notifier.tell(third)
    arrived(receiver, "/mild", third["alert_id"], worker=worker)
    assert {alert["alert_id"] for alert in receiver.alerts("/mild")} == {two["alert_id"], third["alert_id"]}
    assert {alert["kind"] for alert in receiver.alerts("/queue")} == {"queue_stalled"}


def test_a_receiver_that_is_away(notifier, receiver):
    """It holds up no other; when it is back it gets the latest state, and each try has its receipt."""
    receiver.answers["/away"] = 503
    worker = notifier.worker(webhook(receiver, "/away"), webhook(receiver, "/there")).start().wait_ready()
    first, last = notifier.alert("a"), notifier.alert("a", "resolved")
    notifier.tell(first)
    arrived(receiver, "/there", first["alert_id"], worker=worker)
    worker.wait("it is tried", lambda: any(path == "/away" for path, *_ in receiver.got))
    notifier.tell(last)
    arrived(receiver, "/there", last["alert_id"], worker=worker)
    worker.wait("the end is tried", lambda: any(at == "/away" and last["alert_id"] in str(body) for at, _, body, _ in receiver.got))
    receiver.answers.clear()
    arrived(receiver, "/away", last["alert_id"], worker=worker)
    assert first["alert_id"] not in {alert["alert_id"] for alert in receiver.alerts("/away")}
    outcomes = worker.wait(
        "its receipt", lambda: [one["outcome"] for one in notifier.receipts(worker) if one["route"] == "away"][:1] == ["delivered"]
    )
    assert outcomes
    tries = [one for one in notifier.receipts(worker) if one["route"] == "away"]
    assert {one["outcome"] for one in tries[1:]} == {"postponed"} and "answers 503" in tries[1]["reason"]
    metrics = worker.get("/metrics")[1]
    assert 'oppen_deliveries_total{outcome="delivered",route="away"} 1\n' in metrics


def test_what_a_receiver_does_not_want(notifier, receiver):
    """400 is for good: it is recorded and not tried again, and the next one goes."""
    receiver.answers["/hook"] = 400
    worker = notifier.worker(webhook(receiver)).start().wait_ready()
    notifier.tell(notifier.alert("a"))
    worker.wait("it is refused", lambda: [one["outcome"] for one in notifier.receipts(worker)] == ["refused"])
    assert "answers 400: not now" in notifier.receipts(worker)[0]["reason"]
    receiver.answers.clear()
    other = notifier.alert("b")
    notifier.tell(other)
    arrived(receiver, "/hook", other["alert_id"], worker=worker)
    assert len(receiver.got) == 2


def test_killed_at_any_moment(notifier, receiver):
    """Each episode's last state arrives; no state comes more often than it was killed."""
    receiver.slow = 0.05
    chance = random.Random(time.time_ns())
    worker = notifier.worker(webhook(receiver, messages_per_minute=600)).start().wait_ready()
    last, kills, before = [], 0, 0
    for number in range(60):
        notifier.tell(notifier.alert(number))
        if number % 2:
            notifier.tell(notifier.alert(number, "resolved"))
        last.append(notifier.alert(number, "resolved" if number % 2 else "firing")["alert_id"])
        if number % 12 == 5:
            wait_until("it delivers", lambda known=before: len(receiver.got) > known)
            time.sleep(chance.random() / 5)  # the moment is any
            worker.kill()
            kills, before = kills + 1, len(receiver.got)
            worker.start()
    arrived(receiver, "/hook", *last, worker=worker)
    times = collections.Counter(alert["alert_id"] for alert in receiver.alerts("/hook"))
    assert max(times.values()) <= 1 + kills


def test_redis_and_kafka_away(notifier, stack, receiver):
    worker = notifier.worker(webhook(receiver)).start().wait_ready()
    for service in ("redis", "kafka"):
        before, after = notifier.alert(f"before-{service}"), notifier.alert(f"after-{service}")
        notifier.tell(before)
        arrived(receiver, "/hook", before["alert_id"], worker=worker)
        worker.wait("its receipt", lambda one=before: one["alert_id"] in worker.get("/deliveries")[1])
        stack.kill(service)
        worker.wait(f"it says that {service} is away", lambda: not worker.readyz()[0])
        stack.start(service)
        worker.wait_ready()
        notifier.tell(after)
        arrived(receiver, "/hook", after["alert_id"], worker=worker)
        sent = [alert["alert_id"] for alert in receiver.alerts("/hook")]
        assert sent.count(before["alert_id"]) <= 2, "its receipt may be lost with a Redis that is killed"


def test_redis_emptied(notifier, stack, receiver):
    """What still fires is told again, what ended long ago is not."""
    worker = notifier.worker(webhook(receiver)).start().wait_ready()
    over = notifier.alert("over", "resolved", ended_at="2026-01-03T20:15:00Z")
    notifier.tell(notifier.alert("over"), over, notifier.alert("fires"))
    arrived(receiver, "/hook", over["alert_id"], notifier.alert("fires")["alert_id"], worker=worker)
    assert worker.stop() == 0
    receiver.got.clear()
    stack.redis("FLUSHALL")
    worker.start().wait_ready()
    arrived(receiver, "/hook", notifier.alert("fires")["alert_id"], worker=worker)
    assert {alert["alert_id"] for alert in receiver.alerts("/hook")} == {notifier.alert("fires")["alert_id"]}


def test_garbage_stops_nothing(notifier, bus, receiver):
    worker = notifier.worker(webhook(receiver)).start().wait_ready()
    wrong = bus.command("alert", notifier.alert("wrong", severity="loud"), f"{notifier.team}-wrong")
    bus.produce_all([(b"\xff", f"{notifier.team}-garbage", None), wrong], topic="oppen.alerts")
    good = notifier.alert("good")
    notifier.tell(good)
    arrived(receiver, "/hook", good["alert_id"], worker=worker)
    letters = bus.wait_for(
        "two dead letters",
        lambda: [
            letter
            for letter in bus.records("oppen.dead-letter")
            if (letter.key or "").startswith(notifier.team) and letter.headers["oppen_worker"] == b"notifier"
        ][1:]
        and [letter for letter in bus.records("oppen.dead-letter") if (letter.key or "").startswith(notifier.team)],
    )
    assert b'severity is "loud"' in letters[1].headers["oppen_error"]


def test_a_standby_takes_over(notifier, receiver):
    first = notifier.worker(webhook(receiver)).start().wait_ready()
    second = notifier.worker(webhook(receiver)).start()
    one, two = notifier.alert("one"), notifier.alert("two")
    notifier.tell(one)
    arrived(receiver, "/hook", one["alert_id"], worker=second)
    first.kill()
    notifier.tell(two)
    arrived(receiver, "/hook", two["alert_id"], worker=second)
    second.wait_ready()


def test_on_the_command_line(notifier, receiver, tmp_path):
    """--check names what is wrong; --canary shows whether each route works."""
    mail = MailServer()
    try:
        (tmp_path / "routes.json").write_text('{"routes": [{"name": "a", "type": "slack", "url": "https://hooks/secret"}]}')
        code, _, error = notifier.run("--check")
        assert code == 2 and "routes[0].url is ***" in error and "hooks/secret" not in error
        route = {"name": "mail", "type": "email", "server": mail.url, "from": "o@example.com", "to": ["a@example.com"]}
        notifier.routes(webhook(receiver), {**route, "start_tls": False})
        assert notifier.run("--check")[0] == 0
        code, text, _ = notifier.run("--canary")
        assert (code, text) == (0, "route hook: delivered\nroute mail: delivered\n")
        assert "The route mail works" in mail.mails[0][2]["subject"]
        assert [alert["kind"] for alert in receiver.alerts("/hook")] == ["canary"]
        # It does not send in the clear where TLS was wanted.
        notifier.routes(route)
        code, text, _ = notifier.run("--canary")
        assert code == 3 and text.startswith("route mail: not delivered: the mail server: ")
        assert len(mail.mails) == 1
        assert notifier.run(OPPEN_NOTIFIER_ROUTES="")[0] == 2
        assert "routes file" in notifier.run("--help")[1]
    finally:
        mail.close()
