"""An XDP program that drops every frame, put on an interface as a pod with CAP_BPF could.

Numbers: include/uapi/linux/{bpf,if_link}.h.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import subprocess

from netvsc_deviceplugin.kernel.netlink import attribute, messages
from sim.kernel.netns import within

_BPF, _PROG_LOAD, _XDP, _INSTRUCTIONS = 321, 5, 6, 2  # bpf(2) on x86-64
_DROP = struct.pack("=BBhi", 0xB7, 0, 0, 1) + struct.pack("=BBhi", 0x95, 0, 0, 0)  # return 1
_SETLINK, _REQUEST_ACK, _IFLA_XDP, _FD, _FLAGS, _NESTED = 19, 0x5, 43, 1, 3, 0x8000
MODES = {"xdpgeneric": 0x2, "xdpdrv": 0x4}
_libc = ctypes.CDLL(None, use_errno=True)


def dropper() -> int:
    """Load the program, return its descriptor; raises OSError."""
    code, licence = ctypes.create_string_buffer(_DROP), ctypes.create_string_buffer(b"GPL")
    where = ctypes.addressof(code), ctypes.addressof(licence)
    asked = struct.pack("=IIQQ", _XDP, _INSTRUCTIONS, *where).ljust(128, b"\0")
    fd: int = _libc.syscall(_BPF, _PROG_LOAD, ctypes.create_string_buffer(asked), 128)
    if fd < 0:
        code_ = ctypes.get_errno()
        raise OSError(code_, f"bpf(BPF_PROG_LOAD): {os.strerror(code_)}")
    return fd


def attach(netns: str, name: str, program: int, *, mode: str) -> None:
    """Put a program on an interface; raises OSError."""
    within(netns, lambda: _attach(name, program, MODES[mode]))


def _attach(name: str, program: int, flags: int) -> None:
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), 0, 0)
    inner = attribute(_FD, struct.pack("=i", program)) + attribute(_FLAGS, struct.pack("=I", flags))
    body += attribute(_IFLA_XDP | _NESTED, inner)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), _SETLINK, _REQUEST_ACK, 1, 0) + body)
        ((answer, _),) = messages(sock.recv(1 << 16))
    code = -struct.unpack_from("=i", answer.body)[0]
    if code:
        raise OSError(code, f"an XDP program on {name}: {os.strerror(code)}")


def programs(netns: str) -> dict[str, str]:
    """Return the mode of the program of each interface that has one."""
    told = subprocess.run(
        ["ip", "-n", netns, "-json", "link"], check=True, capture_output=True, text=True
    )
    links = json.loads(told.stdout)
    return {link["ifname"]: str(link["xdp"]["mode"]) for link in links if "xdp" in link}
