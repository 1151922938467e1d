"""What the agent says of its node as a whole, beside its pairs."""

from __future__ import annotations

import asyncio

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.cni.chain.status import Place, Standing
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.netvscnode.inputs import Around, states
from netvsc_deviceplugin.netvscnode.spec import Wanted


def said(place: Place | None, wanted: Wanted, *, chain_wanted: bool = True) -> dict[str, str]:
    """Each condition with its reason."""
    around = Around(
        scanned=asyncio.Event(),
        inventory=Latest(Inventory()),
        pools=Latest(()),
        allocations=Latest({}),
        registered=Latest({}),
        podresources=Latest(None),
        given=dict,
        place=Latest(place) if place else None,
        chain_wanted=chain_wanted,
    )
    return {state.type: state.reason for state in states(around, wanted)}


def test_where_we_stand_in_the_chain_is_told() -> None:
    assert said(Place(Standing.CHAINED), Wanted())["ChainInstalled"] == "Chained"


def test_an_agent_that_is_off_is_not_blamed_for_being_out_of_the_chain() -> None:
    assert "ChainInstalled" not in said(Place(Standing.REMOVED), Wanted(), chain_wanted=False)
    assert "ChainInstalled" not in said(None, Wanted())


def test_an_uninstall_waits_for_what_another_mode_left() -> None:
    waiting = Place(Standing.PODS_HOLD_PAIRS, "delete nf/fwd-0")
    asked = Wanted(uninstall=True)
    assert said(waiting, asked, chain_wanted=False)["Uninstalled"] == "PairsInUse"
    assert said(None, asked)["Uninstalled"] == "NothingInstalled"
