"""Whatever an IPAM plugin does, a call ends in time and says what went wrong."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sim.cni.ipam import V4, node

GOOD = json.dumps({"cniVersion": "1.1.0", "ips": [V4]})


def ours(folder: Path, *lines: str, mode: int = 0o755) -> None:
    """Let the plugin be another program."""
    (folder / "ours").write_text("\n".join(["#!/bin/sh", *lines, ""]))
    (folder / "ours").chmod(mode)


@pytest.mark.parametrize(
    ("lines", "code", "why"),
    [
        (["exit 3"], 5, "it ended with 3 and said nothing"),
        (["echo 'no such pool' >&2", "exit 1"], 5, "it ended with 1: no such pool"),
        (["kill -9 $$"], 5, "it ended with -9 and said nothing"),
        (["echo hello"], 5, "its answer is not a JSON object: hello"),
        (["echo oops", "exit 1"], 5, "it ended with 1: oops"),
        (["""echo '{"code": true, "msg": "no"}'""", "exit 1"], 5, "IPAM plugin ours: no"),
        (["""echo '{"code": -7, "msg": "no"}'""", "exit 1"], 5, "IPAM plugin ours: no"),
        (["""echo '{"code": 9, "msg": "a", "details": "b"}'""", "exit 1"], 9, "ours: a; b"),
    ],
)
def test_what_it_says_when_it_fails_is_told(
    tmp_path: Path, lines: list[str], code: int, why: str
) -> None:
    with node(tmp_path) as one:
        ours(tmp_path, *lines)
        said = one.plugin.call("ADD", one.pod)
        assert why in said.body["msg"]
        assert said.error == code
        assert one.cni.on_host(1, one.pod)


def test_one_that_cannot_be_run_is_named_with_its_path(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        for text, why in ((b"\x7fELF no", "Exec format error"), (b"#!/no/such\n", "No such file")):
            (tmp_path / "ours").write_bytes(text)
            said = one.plugin.call("ADD", one.pod)
            assert said.error == 5
            assert f"cannot run {tmp_path}/ours: {why}" in said.body["msg"]
        (tmp_path / "ours").chmod(0o644)
        said = one.plugin.call("ADD", one.pod)
        assert f"cannot run {tmp_path}/ours: Permission denied; chmod 755" in said.body["msg"]


def test_one_that_does_not_stop_talking_is_stopped(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        ours(tmp_path, "exec yes")
        began = time.monotonic()
        said = one.plugin.call("ADD", one.pod)
        assert said.error == 5
        assert "more than 128 KiB" in said.body["msg"]
        assert time.monotonic() - began < 10
        assert one.cni.on_host(1, one.pod)


def test_one_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netvsc_deviceplugin.cni.protocol.ipam._PATIENCE", {"ADD": 0.3})
    with node(tmp_path) as one:
        ours(
            tmp_path, '[ "$CNI_COMMAND" = ADD ] || exit 0', f"sleep 25 & echo $! > {tmp_path}/pid",
            "wait",
        )  # fmt: skip
        said = one.plugin.call("ADD", one.pod)
        assert said.error == 5
        assert "ADD: no answer within" in said.body["msg"]
        assert not alive(int((tmp_path / "pid").read_text()))
        assert one.cni.on_host(1, one.pod)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"} and os.getsid(pid) >= 0


def test_what_it_prints_where_nothing_is_asked_for_is_nobodys_business(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        assert one.add(V4).code == 0
        ours(tmp_path, "echo released")
        for verb in ("CHECK", "STATUS", "DEL"):
            assert one.plugin.call(verb, one.pod).code == 0, verb
        assert one.cni.on_host(1, one.pod)


def test_what_made_an_add_fail_is_told_and_not_what_made_its_undoing_fail(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        one.plugin.refuses("ADD", 11, "no address is left")
        one.plugin.refuses("DEL", 100, "no such lease")
        said = one.plugin.call("ADD", one.pod)
        assert (said.error, one.plugin.calls) == (11, ["ADD", "DEL"])
        assert "no address is left" in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


@pytest.mark.parametrize("ipam", ["static", ["static"], {"type": 5}, {"subnet": "10.8.0.0/24"}])
def test_a_section_that_names_no_plugin_is_refused_before_anything_moves(
    tmp_path: Path, ipam: Any
) -> None:
    with node(tmp_path) as one:
        said = one.plugin.call("ADD", one.pod, ipam=ipam)
        assert said.error == 7
        assert 'write {"type": "static"' in said.body["msg"]
        assert one.plugin.call("DEL", one.pod, ipam=ipam).code == 0
        assert one.cni.on_host(1, one.pod)
