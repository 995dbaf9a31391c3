"""What the peers' tests share: the schemas and examples, and our own codec behind the program event-tool."""

import json
import os
import pathlib
import subprocess

import pytest

SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "schemas"


def event_tool(mode, requests=()):
    """One answer of event-tool for each request."""
    done = subprocess.run(
        [os.environ["OPPEN_EVENT_TOOL"], mode],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def short(event_type):
    return event_type.removeprefix("dev.oppen.")


def examples(kind):
    """(type without "dev.oppen.", name, data) of every valid or invalid example."""
    return [
        (file.parts[-3], file.stem, json.loads(file.read_text()))
        for file in sorted((SCHEMAS / "examples").glob(f"*/{kind}/*.json"))
    ]


@pytest.fixture(scope="session")
def contract():
    """The event types and the topics that our code knows."""
    lines = event_tool("types")
    return {
        "types": {short(line["type"]): line["topic"] for line in lines if "type" in line},
        "topics": {line["topic"]: line for line in lines if "partitions" in line},
    }
