"""What finds faults, held to finding some that were planted."""

from __future__ import annotations

import json
import struct
from random import Random

import pytest

from fuzz import engine, mutate
from fuzz.engine import Finding, Target, mutated, run, seeds
from fuzz.targets import TARGETS
from fuzz.targets.netlink import datagrams
from netvsc.errors import ConfigError, RequestError
from netvsc.model.pool import pools_from
from netvsc_deviceplugin.kernel import netlink


def hunted(target: Target, *, runs: int) -> Finding:
    with pytest.raises(Finding) as found:
        run(target, runs=runs, seed=1)
    return found.value


def believing(data: bytes) -> None:
    """A reader of link messages as it was once: it believes that an attribute is whole."""
    for datagram in datagrams(data):
        for message, _ in netlink.messages(datagram):
            if message.type == netlink.RTM_NEWLINK and len(message.body) >= 16:
                mtu = netlink.attributes(message.body, 16).get(4, bytes(4))
                struct.unpack_from("=I", mtu)


def test_a_length_that_is_believed_is_found() -> None:
    planted = Target(name="planted", check=believing, mutate=mutate.raw, corpus="netlink")
    finding = hunted(planted, runs=5000)
    assert isinstance(finding.__cause__, struct.error)
    with pytest.raises(struct.error):
        believing(finding.data)


def forgetting(data: bytes) -> None:
    """A reader of pools that forgets that a list may hold anything."""
    try:
        tree = json.loads(data)
        pools_from({"pools": tree["pools"]})
        [pool["name"].lower() for pool in tree["pools"]]
    except (ValueError, RequestError, RecursionError, LookupError):
        return


def test_a_type_that_is_taken_for_granted_is_found() -> None:
    planted = Target(name="planted", check=forgetting, mutate=mutate.structured, corpus="nodespec")
    assert isinstance(hunted(planted, runs=5000).__cause__, TypeError)


def test_a_refusal_is_no_finding_and_any_other_exception_is_one() -> None:
    def refusing(data: bytes) -> None:
        if data:
            raise ConfigError("not so")

    planted = Target(name="planted", check=refusing, mutate=mutate.raw, corpus="message")
    assert "ConfigError: not so" in str(hunted(planted, runs=0))


def test_an_input_without_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "HANG_S", 1)

    def endless(_data: bytes) -> None:
        while True:
            pass

    planted = Target(name="planted", check=endless, mutate=mutate.raw, corpus="message")
    assert isinstance(hunted(planted, runs=0).__cause__, engine.HangError)


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_means_the_same_inputs_always(name: str) -> None:
    target = TARGETS[name]
    first = list(mutated(target, runs=40, seed=7))
    assert first == list(mutated(target, runs=40, seed=7))
    assert first != list(mutated(target, runs=40, seed=8))
    assert len(set(first)) > 20


def test_most_mutations_of_json_are_json_still() -> None:
    corpus = seeds(TARGETS["mutate"].folder)
    whole = [one for one in corpus if mutate._tree(one)]
    random = Random(3)
    made = [mutate.structured(random.choice(whole), random, whole) for _ in range(200)]
    assert sum(mutate._tree(one) is not None for one in made) > 150
