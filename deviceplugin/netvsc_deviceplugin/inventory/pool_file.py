"""Pools from a YAML file, with messages that name file, line and key (docs/pools.md)."""

from __future__ import annotations

from pathlib import Path

import yaml

from netvsc.errors import ConfigError
from netvsc.model.pool import Pool, pools_from

Place = tuple[str | int, ...]
_BYTES_MAX = 1 << 20
_PLACES_MAX = 100_000  # values and lists; ten lines of anchors may unfold to a thousand million


def read_pools(path: Path) -> tuple[Pool, ...]:
    """Return the pools of a file.

    Raises ConfigError, with `file:line: key: what is wrong and the remedy`, for a file that cannot
    be read, is no YAML, or holds a wrong key or value.
    """
    try:
        return parse_pools(_text(path))
    except ConfigError as error:
        raise ConfigError(f"{path}:{error}") from None


def parse_pools(text: str) -> tuple[Pool, ...]:
    """Return the pools of a text; messages begin with the line."""
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return pools_from(_plain(node, (), lines) if node else None)
    except ConfigError as error:
        raise ConfigError(f"{_line(error.path, lines)}: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{line}: no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"1: no YAML: {error}") from None
    except RecursionError:
        raise ConfigError(
            "1: an anchor contains itself, or lists are nested too deeply: write the values out"
        ) from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise ConfigError(f"1: is larger than {_BYTES_MAX} bytes: this is not a pool file")
        return path.read_text()
    except OSError as error:
        raise ConfigError(f" cannot be read: {error.strerror}; name a YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError("1: is not UTF-8 text; name a YAML file") from None


def _plain(node: yaml.Node, path: Place, lines: dict[Place, int]) -> object:
    """Turn a YAML node into plain data and note on which line each path stands."""
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > _PLACES_MAX:
        raise ConfigError(f"unfolds to more than {_PLACES_MAX} values: write fewer anchors")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    return _scalar(node, path)


def _scalar(node: yaml.Node, path: Place) -> object:
    """Return a value; the library's constructors believe what a tag or a look says of a text."""
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, LookupError, AttributeError, OverflowError):
        kind = node.tag.rpartition(":")[2]
        raise ConfigError(
            f"is not a valid {kind}: put it in quotes, or correct it", path=path
        ) from None


def _mapping(node: yaml.MappingNode, path: Place, lines: dict[Place, int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        lines[(*path, key)] = key_node.start_mark.line + 1
        if key in found:
            raise ConfigError(f"{key!r} stands here a second time: keep one", path=(*path, key))
        found[key] = _plain(value_node, (*path, key), lines)
    return found


def _line(path: Place, lines: dict[Place, int]) -> int:
    """Return the line of a path, or of the nearest thing above it that has one."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
