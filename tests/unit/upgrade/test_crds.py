"""The CRDs against those of the version before: what was valid stays valid, and is kept.

tests/upgrade/crds holds the older ones. docs/upgrades.md has the rules that these tests are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netvsc_operator.crds import definitions

Schema = dict[str, Any]
FOLDER = Path(__file__).parents[2] / "upgrade/crds"
OLDER = {
    one["metadata"]["name"]: one
    for one in (yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob("*.yaml")))
}
NEWER = {one["metadata"]["name"]: one for one in definitions()}
# A choice that readers know to be open: they have an OTHER for what they never heard of.
OPEN = {"status.pairs.[].announcement.state"}
_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum")
_LOWER = ("minLength", "minItems", "minProperties", "minimum")


def versions(definition: Schema) -> dict[str, Schema]:
    return {one["name"]: one["schema"]["openAPIV3Schema"] for one in definition["spec"]["versions"]}


def losses(older: Schema, newer: Schema, path: str = "") -> Iterator[str]:
    """Say what the newer schema takes away, or changes under an older reader's feet."""
    if older.get("type") != newer.get("type"):
        yield f"{path}: is {newer.get('type')}, was {older.get('type')}"
    yield from _words(older.get("enum"), newer.get("enum"), path)
    yield from _limits(older, newer, path)
    for key in sorted({*newer.get("required", [])} - {*older.get("required", [])}):
        yield f"{path}.{key}: is required, was not"
    if older.get("default") != newer.get("default"):
        yield f"{path}: its default is {newer.get('default')}, was {older.get('default')}"
    yield from _rules(older, newer, path)
    yield from _properties(older.get("properties", {}), newer.get("properties", {}), path)
    for key, name in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(older.get(key), dict):
            yield from losses(older[key], newer.get(key) or {}, _join(path, name))


def _words(older: list[str] | None, newer: list[str] | None, path: str) -> Iterator[str]:
    if newer is None and older is None:
        return
    if missing := sorted({*(older or [])} - {*(newer or [])}):
        yield f"{path}: no longer takes {missing}"
    if older is None:
        yield f"{path}: takes only {newer}"
    elif path not in OPEN and (added := sorted({*(newer or [])} - {*older})):
        yield f"{path}: takes {added}, which an older reader refuses"


def _limits(older: Schema, newer: Schema, path: str) -> Iterator[str]:
    for keys, sign in ((_UPPER, 1), (_LOWER, -1)):
        for key in keys:
            if key in newer and (key not in older or sign * newer[key] < sign * older[key]):
                yield f"{path}: {key} is {newer[key]}, was {older.get(key)}"
    for key in ("pattern", "format", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"):
        if older.get(key) != newer.get(key):
            yield f"{path}: {key} is {newer.get(key)}, was {older.get(key)}"
    preserve = "x-kubernetes-preserve-unknown-fields"
    if older.get(preserve) and not newer.get(preserve):
        yield f"{path}: no longer keeps what it does not know"


def _rules(older: Schema, newer: Schema, path: str) -> Iterator[str]:
    """A rule of CEL that was not there may refuse what is stored."""
    known = [one["rule"] for one in older.get("x-kubernetes-validations", [])]
    for one in newer.get("x-kubernetes-validations", []):
        if one["rule"] not in known:
            yield f"{path}: has the new rule {one['rule']}"


def _properties(older: Schema, newer: Schema, path: str) -> Iterator[str]:
    for key in sorted(older.keys() - newer.keys()):
        yield f"{_join(path, key)}: is gone"
    for key in sorted(newer.keys() - older.keys()):
        for where, one in _inside(newer[key], _join(path, key)):
            if "default" in one:
                yield f"{where}: is new and has a default, which an older operator would refuse"
    for key in sorted(older.keys() & newer.keys()):
        yield from losses(older[key], newer[key], _join(path, key))


def _inside(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for key, one in schema.get("properties", {}).items():
        yield from _inside(one, _join(path, key))
    if "items" in schema:
        yield from _inside(schema["items"], _join(path, "[]"))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@pytest.mark.parametrize("name", sorted(OLDER))
def test_an_object_of_the_version_before_is_valid_and_whole_and_so_is_one_of_ours_there(
    name: str,
) -> None:
    older, newer = versions(OLDER[name]), versions(NEWER[name])
    for version, schema in older.items():
        assert list(losses(schema, newer[version])) == []


def test_the_same_kinds_are_served_under_the_same_names() -> None:
    assert OLDER.keys() == NEWER.keys()
    for name, older in OLDER.items():
        newer = NEWER[name]["spec"]
        assert newer["scope"] == older["spec"]["scope"]
        for key in ("kind", "plural", "singular", "listKind"):
            assert newer["names"][key] == older["spec"]["names"][key]
        assert {*older["spec"]["names"]["shortNames"]} <= {*newer["names"]["shortNames"]}


@pytest.mark.parametrize("name", sorted(OLDER))
def test_the_version_that_is_stored_is_still_served_and_stored(name: str) -> None:
    """Another one that is stored would need a conversion, and objects that are written anew."""
    stored = [
        [one["name"] for one in which[name]["spec"]["versions"] if one["storage"]]
        for which in (OLDER, NEWER)
    ]
    assert stored[0] == stored[1]
    served = {one["name"] for one in NEWER[name]["spec"]["versions"] if one["served"]}
    assert served >= {one["name"] for one in OLDER[name]["spec"]["versions"] if one["served"]}


def _pairs(schema: Schema) -> Schema:
    found: Schema = schema["properties"]["status"]["properties"]["pairs"]["items"]
    return found


def _gone(schema: Schema) -> None:
    del _pairs(schema)["properties"]["mtu"]


def _narrower(schema: Schema) -> None:
    _pairs(schema)["properties"]["vmbus"]["maxLength"] = 36


def _retyped(schema: Schema) -> None:
    _pairs(schema)["properties"]["mtu"]["type"] = "string"


def _required(schema: Schema) -> None:
    _pairs(schema)["required"].append("mtu")


def _fewer_words(schema: Schema) -> None:
    _pairs(schema)["properties"]["announcement"]["properties"]["state"]["enum"].remove("Away")


def _more_words(schema: Schema) -> None:
    _pairs(schema)["properties"]["path"]["enum"].append("Both")


def _choice(schema: Schema) -> None:
    _pairs(schema)["properties"]["pool"]["enum"] = ["pair"]


def _default(schema: Schema) -> None:
    new = {"type": "object", "properties": {"depth": {"type": "integer", "default": 1}}}
    schema["properties"]["spec"]["properties"]["queues"] = new


def _rule(schema: Schema) -> None:
    schema["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": "size(self) > 0"}]


def _key(schema: Schema) -> None:
    schema["properties"]["status"]["properties"]["pairs"]["x-kubernetes-list-map-keys"] = ["netvsc"]


@pytest.mark.parametrize(
    "change",
    [
        _gone, _narrower, _retyped, _required, _fewer_words, _more_words, _choice, _default, _rule,
        _key,
    ],
)  # fmt: skip
def test_a_change_that_loses_something_is_found(change: Callable[[Schema], None]) -> None:
    schema = versions(NEWER["netvscnodes.netvsc.io"])["v1alpha1"]
    changed = copy.deepcopy(schema)
    change(changed)
    assert len(list(losses(schema, changed))) == 1


def test_a_new_field_and_a_new_word_of_an_open_choice_are_no_loss() -> None:
    schema = versions(NEWER["netvscnodes.netvsc.io"])["v1alpha1"]
    changed = copy.deepcopy(schema)
    pair = _pairs(changed)["properties"]
    pair["queues"] = {"type": "integer"}
    pair["announcement"]["properties"]["state"]["enum"].append("Paused")
    pair["vmbus"]["maxLength"] = 128
    assert list(losses(schema, changed)) == []
