"""A sidecar's line is read as docs/fdpipe.md has it, and nothing else is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc_deviceplugin.sidecar.protocol import (
    LINE_MAX,
    Ages,
    Application,
    Counts,
    SidecarReport,
    VfState,
    parse,
    verbs_text,
)

# The example of docs/fdpipe.md.
STATUS: dict[str, Any] = {
    "pair": "00", "netvsc": "netvsc0", "tap": "fsvsc00", "interface": "eth1",
    "pci": "9b33:00:02.0", "driver": "mlx5_core", "verbs": "uverbs0", "verbsState": "OK",
    "given": "uverbs0", "application": "served", "vf": "taken", "reason": None,
    "line": "9b33:00:02.0", "generation": 3, "takenGeneration": 3, "guard": "active",
    "gate": "open", "offers": 3, "takes": 3, "cancels": 1, "failedPlugs": 2, "losses": 2,
    "moves": 0, "overruns": 0, "asks": 0, "openedMsAgo": 81000, "readMsAgo": 4200,
    "hungryMsAgo": None, "offeredMsAgo": 4240, "takenMsAgo": 4200, "usableMsAgo": 4241,
    "goneMsAgo": 9100, "started": 5120331, "version": "0.1.0",
}  # fmt: skip


def line(**changes: object) -> bytes:
    return json.dumps(STATUS | changes).encode() + b"\n"


def test_a_line_says_what_the_contract_says() -> None:
    assert parse(line()) == SidecarReport(
        number="00",
        netvsc="netvsc0",
        application=Application.SERVED,
        vf=VfState.TAKEN,
        reason=None,
        line="9b33:00:02.0",
        generation=3,
        taken_generation=3,
        guard="active",
        given=("uverbs0",),
        counts=Counts(offers=3, takes=3, cancels=1, failed_plugs=2),
        ages=Ages(opened=81000, usable=4241, offered=4240, taken=4200),
        started=5120331,
    )


def test_what_a_newer_sidecar_adds_is_ignored_and_what_an_older_one_lacks_is_unknown() -> None:
    assert parse(line(novelty={"a": 1})) == parse(line())
    bare = {key: STATUS[key] for key in ("pair", "netvsc", "vf", "application")}
    said = parse(json.dumps(bare).encode())
    assert (said.given, said.started, said.ages.taken, said.counts) == (None, 0, None, Counts())


@pytest.mark.parametrize(
    ("text", "names"),
    [("none", ()), ("uverbs3", ("uverbs3",)), ("uverbs0,uverbs12", ("uverbs0", "uverbs12"))],
)
def test_verbs_devices_are_written_as_they_are_read(text: str, names: tuple[str, ...]) -> None:
    assert parse(line(given=text)).given == names
    assert verbs_text(names) == text


def test_an_error_of_the_sidecars_is_passed_on_in_short() -> None:
    with pytest.raises(RequestError, match=r"the sidecar refuses: only the node's agent may watch"):
        parse(b"error: only the node's agent may watch; use `status`\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"pair": "0"}, {"pair": None}, {"pair": "\u0663\u0663"}, {"netvsc": ""},
        {"netvsc": "x" * 16},
        {"netvsc": "a b"}, {"vf": 7}, {"vf": None}, {"application": []}, {"reason": 7},
        {"reason": "no such\nthing"}, {"line": "x" * 256}, {"line": "a\nb"}, {"line": "\u202e"},
        {"generation": -1}, {"generation": 2**32}, {"generation": 1.5}, {"generation": True},
        {"takes": "3"}, {"takenMsAgo": 10**12}, {"started": -1}, {"guard": "\x1b[31m"},
        {"given": "mlx5_0"}, {"given": ["uverbs0"]}, {"given": "uverbs0,"},
        {"offers": float("nan")},
    ],
    ids=str,
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        parse(line(**changes))


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"[]\n", b"3\n", b"{}\n", b"[" * (LINE_MAX - 1), b'{"a":' * 800, b"\xff\xfe\n",
     b"\x00", b"9" * LINE_MAX, b'{"pair":"00"'],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_what_is_no_line_is_refused(text: bytes) -> None:
    with pytest.raises(RequestError):
        parse(text)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(STATUS)), _anything, max_size=4))
def test_whatever_a_liar_writes_into_it_the_rest_is_bounded(changes: dict[str, object]) -> None:
    try:
        said = parse(line(**changes))
    except RequestError:
        return
    assert said.line is None or (len(said.line) < 256 and said.line.isprintable())
    assert max(said.generation, said.counts.takes, said.counts.failed_plugs) < 2**32


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(RequestError):
        parse(noise)
