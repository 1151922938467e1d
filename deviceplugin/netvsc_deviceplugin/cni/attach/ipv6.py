"""IPv6 on an interface of a pod that has it switched off, as the standard plugins switch it on.

No netlink request does that: net.ipv6.conf.<interface>.disable_ipv6 is a file, and of which netns
depends on the thread that opens it.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from netvsc.errors import NodeError
from netvsc_deviceplugin.kernel.netns import Netns

# In a container without privilege /proc/sys is read-only: the chart mounts the host's beside it.
SYSCTLS = (Path("/host/proc/sys/net"), Path("/proc/sys/net"))


def enable(ns: Netns, ifindex: int) -> None:
    """Switch IPv6 on for an interface and for lo, where it is off; raises NodeError.

    Its addresses stay while it is down, where that can be said: they would go with it otherwise.
    """
    ns.run(lambda: _enable(socket.if_indextoname(ifindex)))


def _enable(interface: str) -> None:
    conf = next((path for path in SYSCTLS if path.is_dir()), SYSCTLS[-1]) / "ipv6/conf"
    with suppress(OSError):
        (conf / interface / "keep_addr_on_down").write_text("1")
    for name in ("lo", interface):
        file = conf / name / "disable_ipv6"
        try:
            if file.read_text().strip() != "0":
                file.write_text("0")
        except FileNotFoundError:  # a kernel without IPv6 will say so of the address
            continue
        except OSError as error:
            raise NodeError(
                f"IPv6 is off on {name} (net.ipv6.conf.{name}.disable_ipv6), and cannot be "
                f"switched on: {error.strerror}; mount the host's /proc/sys/net at {SYSCTLS[0]}, "
                "or leave it on in the pod"
            ) from error
