"""The CRDs say what netvsc.model.pool and .status say, every field of it, and no other."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import StrEnum
from typing import Any

import pytest

from netvsc.encoding.serialize import camel
from netvsc.errors import ConfigError
from netvsc.model import pool
from netvsc.model.names import PREFIX_MAX
from netvsc.model.pool import Addresses, Fallback, ForeignOwner, Mode, Pool, Verbs, pool_from
from netvsc.model.status import Condition, NodeSpec, NodeStatus
from netvsc_operator.crds import definitions, texts

Schema = dict[str, Any]
LONG = {"announce", "pools"}  # of a spec: what is in them has no dataclass


def schema_of(plural: str) -> Schema:
    found = next(d for d in definitions() if d["spec"]["names"]["plural"] == plural)
    whole: Schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return whole


def test_both_kinds_are_packed_and_written_as_one_document_each() -> None:
    names = [d["metadata"]["name"] for d in definitions()]
    assert names == ["netvscnodes.netvsc.io", "netvscpools.netvsc.io"]
    assert len(texts()) == 2


@pytest.mark.parametrize(("plural", "short"), [("netvscnodes", "nvn"), ("netvscpools", "nvp")])
def test_a_kind_is_of_the_cluster_has_a_short_name_and_a_status_of_its_own(
    plural: str, short: str
) -> None:
    spec = next(d["spec"] for d in definitions() if d["spec"]["names"]["plural"] == plural)
    assert spec["scope"] == "Cluster"
    assert spec["names"]["shortNames"] == [short]
    assert [version["name"] for version in spec["versions"]] == ["v1alpha1"]
    assert spec["versions"][0]["subresources"] == {"status": {}}


@pytest.mark.parametrize("plural", ["netvscnodes", "netvscpools"])
def test_every_field_is_described_and_every_length_bounded(plural: str) -> None:
    for path, schema in walk(schema_of(plural), plural):
        if path.rpartition(".")[2] not in {"metadata", "[]", "{}"}:
            assert schema.get("description"), f"{path}: has no description"
        if path.count(".") < 2:
            continue
        if schema["type"] == "array":
            assert schema.get("maxItems"), f"{path}: has no maxItems"
        if schema["type"] == "string" and "enum" not in schema and "format" not in schema:
            assert schema.get("maxLength"), f"{path}: has no maxLength"


def test_a_pool_has_the_keys_that_are_read() -> None:
    spec = schema_of("netvscpools")["properties"]["spec"]["properties"]
    assert set(spec) == set(pool._POOL_KEYS)
    assert set(spec["selector"]["properties"]) == set(pool._SELECTOR_KEYS)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("mode", Mode),
        ("fallback", Fallback),
        ("verbs", Verbs),
        ("foreignOwner", ForeignOwner),
        ("addresses", Addresses),
    ],
)
def test_a_choice_in_a_pool_is_the_same_choice(key: str, kind: type[StrEnum]) -> None:
    spec = schema_of("netvscpools")["properties"]["spec"]["properties"]
    assert spec[key]["enum"] == [member.value for member in kind]


def test_the_defaults_of_a_pool_are_those_of_a_file() -> None:
    spec = schema_of("netvscpools")["properties"]["spec"]["properties"]
    written = {key: schema["default"] for key, schema in spec.items() if "default" in schema}
    assert pool_from({"name": "pair", **written}, ()) == Pool(
        name="pair", resource="netvsc.io/pair"
    )
    unwritten = set(spec) - set(written)
    assert unwritten == {"resource", "nodeSelector", "selector", "devargsTemplate"}


@pytest.mark.parametrize("key", ["priority", "hotplugPollMs"])
def test_the_limits_of_a_number_are_those_that_are_read(key: str) -> None:
    schema = schema_of("netvscpools")["properties"]["spec"]["properties"][key]
    for good in (schema["minimum"], schema["maximum"]):
        assert pool_from({"name": "pair", key: good}, ())
    for wrong in (schema["minimum"] - 1, schema["maximum"] + 1):
        with pytest.raises(ConfigError, match=str(schema["maximum"])):
            pool_from({"name": "pair", key: wrong}, ())


def test_the_longest_prefix_is_the_longest_that_is_read() -> None:
    spec = schema_of("netvscpools")["properties"]["spec"]["properties"]
    assert spec["interfacePrefix"]["maxLength"] == PREFIX_MAX


def test_a_nodes_spec_is_what_the_agent_reads() -> None:
    same(schema_of("netvscnodes")["properties"]["spec"], NodeSpec, "spec")


def test_a_nodes_status_is_what_the_agent_writes() -> None:
    same(schema_of("netvscnodes")["properties"]["status"], NodeStatus, "status")


def test_a_pools_conditions_are_as_those_of_a_node() -> None:
    status = schema_of("netvscpools")["properties"]["status"]["properties"]
    same(status["conditions"]["items"], Condition, "conditions")
    assert set(status) >= {"observedGeneration", "nodes", "pairs", "free"}


def same(schema: Schema, kind: Any, path: str) -> None:
    """Compare a schema with a dataclass: names, types, choices, and what must be there."""
    hints = typing.get_type_hints(kind)
    fields = {camel(field.name): field for field in dataclasses.fields(kind)}
    assert set(schema["properties"]) == set(fields), path
    needed = {key for key, field in fields.items() if must_be(field, hints[field.name])}
    assert set(schema.get("required", [])) == needed, path
    for key, field in fields.items():
        if key not in LONG or kind is not NodeSpec:
            same_type(schema["properties"][key], bare(hints[field.name]), f"{path}.{key}")


def must_be(field: dataclasses.Field[Any], hint: object) -> bool:
    missing = dataclasses.MISSING
    given = field.default is missing and field.default_factory is missing
    return given and type(None) not in typing.get_args(hint)


def same_type(schema: Schema, hint: Any, path: str) -> None:
    if typing.get_origin(hint) is tuple:
        assert schema["type"] == "array", path
        same_type(schema["items"], typing.get_args(hint)[0], f"{path}[]")
    elif dataclasses.is_dataclass(hint):
        same(schema, hint, path)
    elif issubclass(hint, StrEnum):
        same_words(schema, hint, path)
    else:
        names = {str: "string", int: "integer", float: "number", bool: "boolean"}
        assert schema["type"] == names[hint], path


def same_words(schema: Schema, hint: type[StrEnum], path: str) -> None:
    """A choice whose readers know an OTHER may be free text: its description names the words."""
    words = [member.value for member in hint]
    if "enum" in schema or "OTHER" not in hint.__members__:
        assert schema["enum"] == words, path
    else:
        assert schema["type"] == "string", path
        assert [word for word in words if word not in schema["description"]] == [], path


def bare(hint: Any) -> Any:
    """The type without its `| None`."""
    if isinstance(hint, types.UnionType):
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return hint


def walk(schema: Schema, path: str) -> list[tuple[str, Schema]]:
    found = [(path, schema)]
    for key, one in schema.get("properties", {}).items():
        found += walk(one, f"{path}.{key}")
    if "items" in schema:
        found += walk(schema["items"], f"{path}.[]")
    if isinstance(schema.get("additionalProperties"), dict):
        found += walk(schema["additionalProperties"], f"{path}.{{}}")
    return found
