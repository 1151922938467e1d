"""What the agent says of its node as a whole, beside its pairs."""

from __future__ import annotations

import asyncio

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.cni.chain.status import ChainReason, ChainStatus
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.netvscnode.inputs import Inputs, states
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec


def said(
    place: ChainStatus | None, wanted: AcceptedSpec, *, chain_wanted: bool = True
) -> dict[str, str]:
    """Each condition with its reason."""
    around = Inputs(
        scanned=asyncio.Event(),
        inventory=Latest(Inventory()),
        pools=Latest(()),
        allocations=Latest({}),
        registered=Latest({}),
        podresources=Latest(None),
        allocated_verbs=dict,
        chain_status=Latest(place) if place else None,
        chain_wanted=chain_wanted,
    )
    return {state.type: state.reason for state in states(around, wanted)}


def test_where_we_stand_in_the_chain_is_told() -> None:
    assert said(ChainStatus(ChainReason.CHAINED), AcceptedSpec())["ChainInstalled"] == "Chained"


def test_an_agent_that_is_off_is_not_blamed_for_being_out_of_the_chain() -> None:
    assert "ChainInstalled" not in said(
        ChainStatus(ChainReason.REMOVED), AcceptedSpec(), chain_wanted=False
    )
    assert "ChainInstalled" not in said(None, AcceptedSpec())


def test_an_uninstall_waits_for_what_another_mode_left() -> None:
    waiting = ChainStatus(ChainReason.PODS_HOLD_PAIRS, "delete nf/fwd-0")
    asked = AcceptedSpec(uninstall=True)
    assert said(waiting, asked, chain_wanted=False)["Uninstalled"] == "PairsInUse"
    assert said(None, asked)["Uninstalled"] == "NothingInstalled"
