"""The shim's JSON scanner, the very code that is shipped, beside Python's own parser."""

import ctypes
import functools
import json
import random
import subprocess
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.sidecar.fdpipe import binary

DEPTH = 64  # JSON_DEPTH of json_scan.h
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
BYTES = b'{}[]":,\\/u0123456789.eE+-truefalsn \t\n\x00\x1f\x7f\xff'


class Span(ctypes.Structure):
    _fields_ = (("p", ctypes.c_void_p), ("n", ctypes.c_size_t))


@functools.cache
def library() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(binary("libpure.so")))
    lib.json_is_object.argtypes = [Span]
    lib.json_is_object.restype = ctypes.c_bool
    lib.json_member.argtypes = [Span, ctypes.c_char_p, ctypes.POINTER(Span)]
    lib.json_member.restype = ctypes.c_bool
    return lib


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Made before the first example, whose time is limited."""
    assert library()


def span_of(text: bytes) -> tuple[Span, Any]:
    space = ctypes.create_string_buffer(text, len(text))  # no NUL behind it: ends are lengths
    return Span(ctypes.addressof(space), len(text)), space


def is_object(text: bytes) -> bool:
    span, _space = span_of(text)
    return bool(library().json_is_object(span))


def member(text: bytes, key: bytes) -> bytes | None:
    span, _space = span_of(text)
    found = Span()
    if not library().json_member(span, key, ctypes.byref(found)):
        return None
    return ctypes.string_at(found.p or 0, found.n)


def python_says(text: bytes) -> bool:
    """Tell whether it is one object; bytes above 127 are both parsers' as they come."""

    def refuse(word: str) -> None:
        raise ValueError(word)  # NaN and Infinity are Python's own

    try:
        return isinstance(json.loads(text.decode("latin-1"), parse_constant=refuse), dict)
    except ValueError:
        return False


@given(st.dictionaries(st.text(), TREES))
def test_whatever_python_writes_is_understood(tree: dict[str, Any]) -> None:
    assert is_object(json.dumps(tree).encode())
    assert is_object(json.dumps(tree, indent=2, ensure_ascii=False).encode(errors="replace"))


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), TREES), st.text("abcdef"))
def test_a_member_is_the_one_that_python_finds(tree: dict[str, Any], key: str) -> None:
    found = member(json.dumps(tree).encode(), key.encode())
    assert (found is None) == (key not in tree)
    assert found is None or json.loads(found) == tree[key]


def test_of_a_repeated_member_the_last_counts() -> None:
    assert member(b'{"a": 1, "b": {"a": 2}, "a": [3] }', b"a") == b"[3]"


@given(st.dictionaries(st.text(), TREES), st.integers(0), st.sampled_from(list(BYTES)))
@example({"a": 1}, 6, ord("-"))
def test_a_changed_byte_is_judged_as_python_judges_it(
    tree: dict[str, Any], where: int, byte: int
) -> None:
    text = bytearray(json.dumps(tree).encode())
    text[where % len(text)] = byte
    assert is_object(bytes(text)) == python_says(bytes(text))


@given(st.lists(st.sampled_from(list(BYTES)), max_size=40).map(bytes))
@example(b'{"a":01}')
@example(b'{"a":1.}')
@example(b'{"a":.5}')
@example(b'{"a":-}')
@example(b'{"a":1e+}')
@example(b'{"a":"\\u00"}')
@example(b'{"a":1,}')
@example(b"{,}")
def test_noise_is_judged_as_python_judges_it(noise: bytes) -> None:
    for text in (noise, b'{"a":' + noise + b"}"):
        assert is_object(text) == python_says(text), text


def test_depth_is_bounded() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert is_object(nested(DEPTH - 1))
    assert not is_object(nested(DEPTH))
    assert not is_object(b'{"a":' * 1_000_000)


def test_a_thousand_malformed_inputs_get_an_error_object_each_and_break_nothing() -> None:
    chance = random.Random(6)
    good = json.dumps({
        "cniVersion": "1.0.0", "name": "n", "state": "/nowhere",
        "runtimeConfig": {"io.kubernetes.cri.pod-annotations": {"netvsc.io/interfaces": "{}"}},
        "prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.1/8"}], "x": "\u00e9"},
    }).encode()  # fmt: skip
    seen = set()
    for number in range(1000):
        program = "fdpipe-asan" if number % 10 == 0 else "fdpipe"
        text = mangled(good, chance)
        if python_says(text):
            continue
        seen.add(said(program, text))
    assert seen == {6}


def mangled(text: bytes, chance: random.Random) -> bytes:
    """Return `text` cut, with bytes changed, doubled or put in."""
    found = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        where = chance.randrange(len(found))
        match chance.randrange(4):
            case 0:
                del found[where:]
                found += b" "
            case 1:
                found[where] = chance.choice(BYTES)
            case 2:
                found[where:where] = bytes(chance.choices(BYTES, k=3))
            case _:
                found[where:where] = found[where : where + 20]
    return bytes(found)


def said(program: str, text: bytes) -> int:
    environment = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c", "CNI_IFNAME": "eth0"}
    done = subprocess.run(
        [str(binary(program)), "cni"],
        input=text,
        env=environment | {"CNI_NETNS": "/x"},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1, (text, done)
    assert done.stderr == b"", (text, done)
    error = json.loads(done.stdout)
    assert error["msg"].startswith("netvsc-cni: ")
    return int(error["code"])
