"""Where alerts are delivered: an HTTP receiver, a mail server, an Alertmanager."""

import email
import email.policy
import http.server
import json
import shutil
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from .waiting import wait_until
from .worker import free_port


class HttpReceiver:
    """Keeps what it gets as (path, headers, body). `answers` gives, by path, the status of the requests to come (default: 200)."""

    def __init__(self):
        self.got, self.answers, self.slow = [], {}, 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (http.server's name)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(receiver.slow)
                status = receiver.answers.get(self.path, 200)
                receiver.got.append((self.path, dict(self.headers), body, status))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"as you like" if status == 200 else b"not now")

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, path):
        """Of the webhook messages that were taken, in order."""
        bodies = [json.loads(body) for at, _, body, status in list(self.got) if at == path and status == 200]
        return [alert for body in bodies for alert in body["alerts"]]


class MailServer:
    """Speaks SMTP; with `tls` (certificate and key files) only over STARTTLS and to who signs in."""

    def __init__(self, tls=None, user=("oppen", "secret")):
        self.mails = []
        server = self

        class Handler:
            async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
                message = email.message_from_bytes(envelope.content, policy=email.policy.default)
                server.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
                return "250 OK"

        options = {}
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*tls)
            options = {
                "tls_context": context,
                "require_starttls": True,
                "auth_required": True,
                "authenticator": lambda _s, _e, _sess, _m, data: AuthResult(
                    success=(data.login.decode(), data.password.decode()) == user
                ),
            }
        self._controller = Controller(Handler(), hostname="localhost" if tls else "127.0.0.1", port=free_port(), **options)
        self._controller.start()
        self.url = f"smtp://{self._controller.hostname}:{self._controller.port}"

    def close(self):
        self._controller.stop()


def certificate(folder):
    """(certificate, key) of localhost, signed by itself."""
    paths = folder / "mail.crt", folder / "mail.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", paths[0], "-keyout", paths[1]],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return paths


class Alertmanager:
    def __init__(self, folder):
        if not shutil.which("prometheus-alertmanager"):
            pytest.fail("there is no Alertmanager: tests/run --only integration installs it")
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "alertmanager.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        command = ["prometheus-alertmanager", "--config.file", folder / "alertmanager.yml", "--storage.path", folder / "data"]
        command += ["--web.listen-address", self.url.removeprefix("http://"), "--cluster.listen-address", ""]
        with (folder / "alertmanager.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("Alertmanager answers", self._answers, explain=lambda: (folder / "alertmanager.log").read_text()[-4000:])

    def alerts(self):
        """Those that are active, by fingerprint of ours."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as answer:
            return {alert["labels"]["fingerprint"]: alert for alert in json.load(answer)}

    def stop(self):
        self._process.terminate()
        self._process.wait(30)

    def _answers(self):
        assert self._process.poll() is None, "Alertmanager has ended"
        try:
            self.alerts()
            return True
        except OSError:
            return False
