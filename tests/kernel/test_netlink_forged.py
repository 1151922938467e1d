"""Whoever administers a network namespace may write to our sockets in it; nobody believes him."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest

from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.events import KernelEvents, ScanReason
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import LinkRefusedError, Rtnl

DONE = struct.pack("=IHHIIi", 20, netlink.NLMSG_ERROR, 0, 1, 0, 0)  # "your request was carried out"
LINK = struct.pack("=IHHIIBxHiII", 32, netlink.RTM_DELLINK, 0, 0, 0, 0, 1, 7, 0, 0)
PATIENCE = 10.0


def route_socket() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)


def forge(message: bytes, *, to: int, groups: int = 0) -> None:
    with route_socket() as stranger:
        stranger.sendto(message, (to, groups))


def test_an_answer_to_a_request_comes_from_the_kernel_alone() -> None:
    """Forged, it would make the agent believe that an interface was moved which was not."""
    with Netns.host() as here, Rtnl(here) as rtnl:
        port, _ = rtnl._socket.getsockname()
        with pytest.raises(ConnectionRefusedError):
            forge(DONE, to=port)
        with pytest.raises(LinkRefusedError, match="No such device"):
            rtnl.up(2**31 - 1)


def test_a_table_comes_from_the_kernel_alone() -> None:
    with netlink.route_socket() as asking:
        port, _ = asking.getsockname()
        with pytest.raises(ConnectionRefusedError):
            forge(DONE, to=port)


def test_a_socket_that_anybody_may_answer_would_have_heard_it() -> None:
    """The two tests above would see a forgery that comes through."""
    with route_socket() as open_to_all:
        open_to_all.bind((0, 0))
        port, _ = open_to_all.getsockname()
        forge(DONE, to=port)
        data, (sender, _) = open_to_all.recvfrom(1 << 16)
    assert data == DONE
    assert sender != 0


def test_an_interface_that_only_a_stranger_says_is_gone_is_not() -> None:
    """What is told behind the forgery is heard, so the forgery would have been heard before it."""
    heard: list[str] = []

    async def listen(told: Callable[[], None]) -> None:
        done = asyncio.Event()

        def wake(reason: str) -> None:
            heard.append(reason)
            done.set()

        with KernelEvents(wake=wake, gone=lambda link: heard.append(f"gone {link.ifindex}")):
            told()
            async with asyncio.timeout(PATIENCE):
                await done.wait()

    def told() -> None:
        with Netns.host() as here, Rtnl(here) as rtnl:
            forge(LINK, to=0, groups=1)
            rtnl.set_mtu(1, 60000)
            rtnl.set_mtu(1, 65536)

    asyncio.run(listen(told))
    assert heard[0] == ScanReason.LINK
    assert not [one for one in heard if one.startswith("gone")]
