"""Checks the data of events by the project's own JSON Schemas, which the package carries.

The package jsonschema does it: what it needs is small, and a check written here would be a second truth beside the schemas. They say
all that the scheduler checks of a job's form, except how large an amount in quantity text ("5000" cores) may be: that, and what it
takes to run a job, is answered by job.rejected."""

import datetime
import functools
import importlib.resources
import json
import math
import numbers
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import jsonschema.validators

from .errors import Fault

TYPE_PREFIX = "dev.oppen."
_ABSENT = object()
_SECRET = re.compile(r"(^|\.)env(\.|\[|$)")  # people put passwords there: not to be repeated in logs
_SHOWN = 100  # characters of a value


def faults(event_type: str, data: Any) -> list[Fault]:
    """What is wrong with the data of an event of that type (job.submit.v1). Nothing, where there is no schema of it."""
    validator = _validator(event_type)
    return list(dict.fromkeys(map(_fault, validator.iter_errors(data)))) if validator else []


def plain(value: Any, found: list[Fault], path: str = "") -> Any:
    """The value as JSON has it: tuples as lists, times as text, numbers of other libraries as ours; what JSON can't say is a fault."""
    match value:
        case None | bool():
            return value
        case str():
            if re.search("[\ud800-\udfff]", value):
                found.append(Fault(path, shown(path, value), "text that UTF-8 can carry"))
            return str(value)
        case numbers.Integral():
            return int(value)
        case numbers.Real() if math.isfinite(value):
            return float(value)
        case datetime.datetime() if value.tzinfo is not None:
            return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(key): plain(member, found, f"{path}.{key}" if path else str(key)) for key, member in value.items()}
        case list() | tuple():
            return [plain(element, found, f"{path}[{index}]") for index, element in enumerate(value)]
    found.append(Fault(path, shown(path, repr(value)), "what JSON can say (times with a zone, finite numbers)"))
    return None


def to_json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def shown(path: str, value: Any) -> str:
    if _SECRET.search(path):
        return "(not shown)"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


@functools.cache
def _schemas() -> dict[str, Any]:
    """By name ("job.submit.v1"), each complete in itself: to look up "$ref" anew for each value takes ten times as long as the check."""
    files = [file for file in (importlib.resources.files("oppen") / "schemas").iterdir() if file.name.endswith(".json")]
    raw = {file.name.removesuffix(".schema.json"): json.loads(file.read_text(encoding="utf-8")) for file in files}
    common = raw.pop("common")["$defs"]

    def complete(part: Any) -> Any:
        if isinstance(part, list):
            return [complete(element) for element in part]
        if not isinstance(part, dict):
            return part
        own = {key: complete(member) for key, member in part.items() if key != "$ref"}
        # What stands beside a "$ref" is stricter than what it names, in every one of the schemas.
        return {**complete(common[part["$ref"].rpartition("/")[2]]), **own} if "$ref" in part else own

    return {name: complete(schema) for name, schema in raw.items()}


@functools.cache
def _validator(event_type: str) -> Any:
    schema = _schemas().get(event_type)
    return _Validator(schema) if schema else None


# Where our schemas mean more, or tell more, than jsonschema's keywords do.


def _required(validator: Any, names: list[str], instance: Any, schema: dict[str, Any]) -> Iterator[jsonschema.ValidationError]:
    for name in names:
        if isinstance(instance, dict) and name not in instance:
            wanted = schema.get("properties", {}).get(name, {})
            yield jsonschema.ValidationError("missing", path=[name], instance=_ABSENT, schema=wanted)


def _property_names(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    for name in instance if isinstance(instance, dict) else ():
        if not validator.evolve(schema=wanted).is_valid(name):
            told = {"description": f"another name: {schema.get('description', wanted.get('pattern'))}"}
            yield jsonschema.ValidationError("name", path=[name], instance=name, schema=told)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    # In the schemas "$" is the end of the text; to Python it is before a last line feed, too.
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError("pattern")


def _format(validator: Any, name: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    try:
        if name == "date-time" and isinstance(instance, str):
            datetime.date.fromisoformat(instance[:10])
    except ValueError:
        yield jsonschema.ValidationError("no day of the calendar")


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {"required": _required, "propertyNames": _property_names, "pattern": _pattern, "format": _format},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(  # 5.0 is no whole number here
        "integer", lambda checker, instance: isinstance(instance, int) and not isinstance(instance, bool)
    ),
)


def _fault(error: jsonschema.ValidationError) -> Fault:
    path = ""
    for step in error.absolute_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    rule = {error.validator: error.validator_value} if error.validator in ("anyOf", "oneOf") else error.schema
    return Fault(path, None if error.instance is _ABSENT else shown(path, error.instance), _expected(rule))


def _expected(schema: Any) -> str:
    """What a schema wants, in words."""
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        names = ", ".join(choice["required"][0] for choice in choices)
        return f"{'at least' if 'anyOf' in schema else 'exactly'} one of the fields {names}"
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    kinds = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "an object",
        "string": "text",
    }
    types = schema.get("type", [])
    words = " or ".join(kinds[kind] for kind in ([types] if isinstance(types, str) else types))
    bounds = {
        "exclusiveMinimum": "above {}",
        "minimum": "from {}",
        "maximum": "to {}",
        "minLength": "of at least {} character",
        "maxLength": "of at most {} characters",
        "minItems": "of at least {}",
        "maxItems": "of at most {}",
        "maxProperties": "of at most {} fields",
    }
    if "exclusiveMinimum" in schema:
        bounds.pop("minimum")
    words = " ".join([words, *(text.format(schema[key]) for key, text in bounds.items() if key in schema)]).strip()
    told = schema.get("description") or schema.get("pattern")
    return ": ".join(part for part in (words, told) if part)
