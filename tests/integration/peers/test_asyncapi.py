"""Proves that the AsyncAPI document is whole: every reference leads somewhere, and it names the topics, partitions,
retention and event types that our code knows, no more and no fewer."""

import json

import pytest
import yaml

from conftest import SCHEMAS, short

HOUR_MS = 3600 * 1000


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())


def load(name):
    file = SCHEMAS / name
    return yaml.safe_load(file.read_text()) if file.suffix == ".yaml" else json.loads(file.read_text())


def resolve(reference, base):
    name, _, pointer = reference.partition("#")
    target = load((base.parent / name).resolve().relative_to(SCHEMAS)) if name else load(base.relative_to(SCHEMAS))
    for part in filter(None, pointer.split("/")):
        target = target[part]
    return target


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_resolves():
    for file in [SCHEMAS / "asyncapi.yaml", *(SCHEMAS / "json").glob("*.json")]:
        for reference in references(load(file.relative_to(SCHEMAS))):
            resolve(reference, file)


def test_it_is_an_asyncapi_3_document(document):
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    for channel in document["channels"].values():
        assert channel["address"] and channel["messages"]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")


def test_channels_are_our_topics(document, contract):
    channels = {channel["title"]: channel for channel in document["channels"].values()}
    assert set(channels) == set(contract["topics"])
    for name, topic in contract["topics"].items():
        kafka = channels[name]["bindings"]["kafka"]
        assert channels[name]["address"] == kafka["topic"] == "oppen." + name
        assert kafka["partitions"] == topic["partitions"]
        assert kafka["topicConfiguration"]["retention.ms"] == topic["retention_hours"] * HOUR_MS


def test_each_type_is_a_message_of_its_topic_with_its_schema(document, contract):
    found = {}
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            message = resolve(reference["$ref"], SCHEMAS / "asyncapi.yaml")
            if message["name"].startswith("dev.oppen."):
                name = short(message["name"])
                assert message["payload"]["schema"]["$ref"] == f"./json/{name}.schema.json"
                found[name] = channel["title"]
    assert found == contract["types"]


def test_every_channel_has_an_operation(document):
    used = {operation["channel"]["$ref"] for operation in document["operations"].values()}
    assert used == {"#/channels/" + name for name in document["channels"]}
