"""What is given with a log record is in the line, as JSON and on a terminal."""

from __future__ import annotations

import ast
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netvsc.host import logs

ROOT = Path(__file__).parents[3]
PRODUCT = [
    path
    for folder in ("netvsc", "deviceplugin/netvsc_deviceplugin", "operator/netvsc_operator")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "_pb2" not in path.name
]
LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def record(message: str = "moved", **fields: object) -> logging.LogRecord:
    log = logging.getLogger("netvsc.test")
    return log.makeRecord(
        log.name, logging.WARNING, __file__, 1, message, (), exc_info=None, extra=fields
    )


def as_json(given: logging.LogRecord) -> dict[str, object]:
    line = logs.Json().format(given)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def calls() -> Iterator[tuple[str, ast.expr]]:
    """Every `extra` of a call to a logger in product code, with where it is."""
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in LOGGING:
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield from ((where, word.value) for word in node.keywords if word.arg == "extra")


def keys(given: ast.expr) -> set[str]:
    """The field names that an `extra` has, those of a `log_fields` included."""
    if isinstance(given, ast.Dict):
        return {
            key
            for name, value in zip(given.keys, given.values, strict=True)
            for key in ({str(ast.literal_eval(name))} if name else keys(value))
        }
    made = given.func if isinstance(given, ast.Call) else given
    name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
    return {"fields": set[str](), "log_fields": made_by_log_fields()}[name]  # `fields`: passed on


def made_by_log_fields() -> set[str]:
    """The names in the dictionaries of every function `log_fields`."""
    functions = [
        node
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "log_fields"
    ]
    assert functions
    return {
        str(key.value)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }


FIELDS = sorted({key for _, given in calls() for key in keys(given)})


def test_the_fields_that_product_code_gives_are_found() -> None:
    assert {"pair", "pod", "namespace", "container", "netns", "command"} <= set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_product_code_gives_is_in_the_line(field: str) -> None:
    given = record(**{field: "its value"})
    assert as_json(given)[field] == "its value"
    assert logs.Readable().format(given).endswith(f"moved  {field}=its value")


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_has_the_name_of_something_that_every_line_has(field: str) -> None:
    assert field not in logs.STANDARD | logs.RESERVED | logs.KOPFS


def test_a_field_that_nobody_has_thought_of_is_in_the_line_too() -> None:
    given = record(seconds=0.5, pairs=["a", "b"], path=Path("/run"))
    assert as_json(given).items() >= {"seconds": 0.5, "pairs": ["a", "b"], "path": "/run"}.items()
    text = logs.Readable().format(given)
    assert text.endswith("  seconds=0.5  pairs=['a', 'b']  path=/run")


def test_what_a_record_has_by_itself_is_no_field() -> None:
    given = record()
    logs.Readable().format(given)  # a formatter leaves things on a record
    assert logs.fields(given) == {}
    assert set(as_json(given)) == {"time", "level", "logger", "message"}


def test_the_reserved_names_are_those_of_a_line_with_an_exception() -> None:
    try:
        Path("/nowhere").read_bytes()
    except OSError:
        given = record()
        given.exc_info = sys.exc_info()
    assert set(as_json(given)) == logs.RESERVED
    assert "No such file" in str(as_json(given)["exception"])


def test_of_kopf_the_object_is_named_and_its_settings_are_not_told() -> None:
    given = record(settings=object(), k8s_skip=True, k8s_ref={"kind": "Pod", "name": "fwd"})
    assert logs.fields(given) == {"k8s_ref": {"kind": "Pod", "name": "fwd"}}
