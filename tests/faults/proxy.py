"""Stands between the schedulers and the API server, and is no help: of the requests that change pods, some are refused (409,
429, 500) and some are carried out without an answer. Everything else passes. SIGUSR1 ends the mischief; SIGTERM ends the program.

Usage: proxy.py LISTEN_PORT SERVER_PORT PKI_FOLDER SEED SHARE LOG    SHARE: of the requests, from 0 to 1
"""

import asyncio
import json
import pathlib
import random
import signal
import ssl
import sys
import time

REFUSALS = {
    409: (
        "Conflict",
        "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version",
    ),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: etcdserver: request timed out"),
}


class Proxy:
    def __init__(self, server_port, pki, seed, share, log):
        self._port = server_port
        self._to_server = ssl.create_default_context(cafile=pki / "ca.crt")
        self.to_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.to_client.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        self.to_client.set_alpn_protocols(["http/1.1"])
        self._draw = random.Random(f"proxy {seed}")
        self._share = share
        self._log = log

    def behave(self):
        self._share = 0

    async def serve(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # either side has gone
        finally:
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def _one(self, reader, writer):
        """One request; whether the connection can take another."""
        head = await reader.readuntil(b"\r\n\r\n")
        request, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, path, _ = request.split(" ")
        headers = [line.split(":", 1) for line in lines]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        body = await reader.readexactly(length) if length else b""
        mischief = self._mischief(method, path)
        if isinstance(mischief, int):
            await self._refuse(writer, mischief)
            return True
        kept = [line for line, (name, _) in zip(lines, headers) if name.lower() != "connection"]
        there, here = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._to_server, server_hostname="127.0.0.1")
        try:
            here.write("\r\n".join([request, *kept, "Connection: close", "", ""]).encode("latin-1") + body)
            await here.drain()
            if mischief == "lost":
                await there.read()  # the API server has done it and answered
                writer.transport.abort()
                return False
            await self._pass_on(there, writer, reader)
            return False
        finally:
            here.close()

    @staticmethod
    async def _pass_on(there, writer, reader):
        """The answer, until its end, or until the client leaves (as it does with a watch)."""

        async def copy():
            while data := await there.read(65536):
                writer.write(data)
                await writer.drain()

        copying, leaving = asyncio.ensure_future(copy()), asyncio.ensure_future(reader.read(1))
        await asyncio.wait({copying, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (copying, leaving):
            task.cancel()
        await asyncio.gather(copying, leaving, return_exceptions=True)

    def _mischief(self, method, path):
        if method not in ("POST", "PATCH", "DELETE") or "/pods" not in path or self._draw.random() >= self._share:
            return None
        chosen = self._draw.choice((*REFUSALS, "lost", "lost"))
        self._log.write(json.dumps({"at": time.time(), "did": chosen, "request": f"{method} {path}"}) + "\n")
        self._log.flush()
        return chosen

    @staticmethod
    async def _refuse(writer, code):
        reason, message = REFUSALS[code]
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code}
        body = json.dumps(status).encode()
        again = "Retry-After: 1\r\n" if code == 429 else ""
        head = f"HTTP/1.1 {code} {reason}\r\nContent-Type: application/json\r\n{again}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()


async def main():
    listen, server, pki, seed, share, log_path = sys.argv[1:]
    with pathlib.Path(log_path).open("a") as log:
        proxy = Proxy(int(server), pathlib.Path(pki), seed, float(share), log)
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, proxy.behave)
        loop.add_signal_handler(signal.SIGTERM, end.set)
        await asyncio.start_server(proxy.serve, "127.0.0.1", int(listen), ssl=proxy.to_client)
        await end.wait()


if __name__ == "__main__":
    asyncio.run(main())
