"""Proves that the JSON Schemas and our C++ readers say the same of every example, and of each with any field bent."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from conftest import SCHEMAS, event_tool, examples

# Rules between fields that JSON Schema has no words for; their descriptions state them.
ONLY_IN_CODE = {
    ("batch.submit.v1", "part"),
    ("cost.accrued.v1", "interval_end"),
    ("cost.accrued.v1", "total_microusd"),
}

BENT_VALUES = [None, True, False, 0, 1, -1, 0.5, 1e300, 2**63, "", "x", "a b", "-1Gi", [], [None], ["x"], {}, {"x": 1}]


@pytest.fixture(scope="module")
def validators():
    files = {file.name: json.loads(file.read_text()) for file in (SCHEMAS / "json").glob("*.json")}
    registry = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in files.values()
    )
    for schema in files.values():
        Draft202012Validator.check_schema(schema)
    return {
        name.removesuffix(".schema.json"): Draft202012Validator(schema, registry=registry)
        for name, schema in files.items()
        if name != "common.schema.json"
    }


def test_there_is_a_schema_and_examples_for_each_type(validators, contract):
    assert set(validators) == set(contract["types"])
    for kind in ("valid", "invalid"):
        assert {event_type for event_type, _, _ in examples(kind)} == set(contract["types"])


@pytest.mark.parametrize("event_type,name,data", examples("valid"))
def test_valid_examples_are_valid(validators, event_type, name, data):
    assert [error.message for error in validators[event_type].iter_errors(data)] == []


@pytest.mark.parametrize("event_type,name,data", examples("invalid"))
def test_invalid_examples_are_invalid(validators, event_type, name, data):
    assert not validators[event_type].is_valid(data)


def places(data, path=()):
    """The path of every field and element below `data`."""
    members = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in members:
        yield (*path, key)
        yield from places(value, (*path, key))


def bent(data):
    """`data` without each of its fields, and with each of the bent values in its place."""
    for path in places(data):
        for value in ["(absent)", *BENT_VALUES]:
            copied = copy.deepcopy(data)
            parent = copied
            for key in path[:-1]:
                parent = parent[key]
            if value == "(absent)":
                del parent[path[-1]]
            else:
                parent[path[-1]] = value
            yield copied


def test_schema_and_code_agree_on_bent_examples(validators):
    requests = [
        {"type": "dev.oppen." + event_type, "data": data}
        for event_type, _, example in examples("valid")
        for data in bent(example)
    ]
    disagreements = []
    for request, answer in zip(requests, event_tool("check", requests), strict=True):
        event_type = request["type"].removeprefix("dev.oppen.")
        refused_for = [field["path"] for field in answer.get("fields", [])]
        if len(refused_for) == 1 and (event_type, refused_for[0]) in ONLY_IN_CODE:
            continue
        if validators[event_type].is_valid(request["data"]) != ("error" not in answer):
            disagreements.append((event_type, answer.get("error", "the code accepts it"), request["data"]))
        if "error" not in answer:
            assert validators[event_type].is_valid(answer["data"]), "what we write is not valid"
    assert disagreements == []
