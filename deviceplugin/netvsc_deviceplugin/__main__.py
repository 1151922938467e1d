"""`netvsc-deviceplugin`: the node agent as a program."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

# Both are read when the libraries are imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own lines on stderr
os.environ.setdefault("PROMETHEUS_DISABLE_CREATED_SERIES", "True")  # a second series per counter

from prometheus_client import CollectorRegistry

from netvsc import __version__
from netvsc.errors import NetvscError, RequestError
from netvsc.host import logs
from netvsc_deviceplugin.agent import Agent, AgentSettings
from netvsc_deviceplugin.cli.pairs import add_sim
from netvsc_deviceplugin.cni.chain import leftovers, uninstall
from netvsc_deviceplugin.cni.component import CniMode, CniSettings
from netvsc_deviceplugin.concurrency.node_lock import on_this_node
from netvsc_deviceplugin.inventory.imds.client import LINK_LOCAL, ImdsEndpoint, endpoint_of
from netvsc_deviceplugin.inventory.scan import source_of
from netvsc_deviceplugin.kubelet import device_info
from netvsc_deviceplugin.netvscnode.component import NodeSettings

log = logging.getLogger(__name__)

_FOLDERS = (
    ("--kubelet", "/var/lib/kubelet", "the kubelet's own"),
    ("--state", "/run/netvsc", "what the agent must remember"),
    ("--dev", "/dev", "where the host's devices are seen"),
    (
        "--devinfo",
        str(device_info.INFO_FOLDER),
        "the Network Plumbing Working Group's device information",
    ),
    ("--cni-conf", "/etc/cni/net.d", "the runtime's network configuration"),
    ("--cni-bin", "/opt/cni/bin", "the runtime's network plugins"),
    ("--cni-shim", "/usr/bin/fdpipe", "the program that is installed as netvsc-cni"),
)


class _Refused(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        parser.error(
            "--sysfs: a /sys tree knows no routes, so the node's uplink could be given away; "
            "the agent reads the kernel (`netvsc pairs --sysfs` shows a tree)"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent, or `cni uninstall`.

    Returns 0 after SIGTERM or SIGINT, 1 for what it cannot cure, 2 for usage.
    """
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["cni"]:
        return uninstall.main(words[1:])
    parser = _parser()
    settings = _settings(_checked(parser, parser.parse_args(words)))
    logs.configure()
    failures: list[NetvscError] = []
    try:
        asyncio.run(_until_told(settings))
    except* NetvscError as group:
        failures = _leaves(group)
    for failure in failures:
        log.error("%s", failure)
    return 1 if failures else 0


async def _until_told(settings: AgentSettings) -> None:
    agent = asyncio.create_task(_alone(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.cancel)
    with suppress(asyncio.CancelledError):
        await agent


async def _alone(settings: AgentSettings) -> None:
    agent = Agent(settings, CollectorRegistry())
    async with on_this_node(settings.state):
        await agent.run()


def _leaves(group: BaseExceptionGroup[NetvscError]) -> list[NetvscError]:
    found: list[NetvscError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _settings(arguments: argparse.Namespace) -> AgentSettings:
    return AgentSettings(
        source=source_of(arguments.sim),
        config=arguments.config,
        listen=arguments.listen,
        kubelet=arguments.kubelet,
        state=arguments.state,
        dev=arguments.dev,
        cni=_cni(arguments),
        imds=arguments.imds,
        devinfo=arguments.devinfo,
        cdi=arguments.cdi,
        node=NodeSettings(name=arguments.node, kubeconfig=arguments.kubeconfig)
        if arguments.node
        else None,
    )


def _checked(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> argparse.Namespace:
    if arguments.node and arguments.config:
        parser.error("--node and --config: pools come from the NetvscNode or from a file; give one")
    if arguments.kubeconfig and not arguments.node:
        parser.error("--kubeconfig without --node: name the NetvscNode, or leave it out")
    return arguments


def _imds(text: str) -> ImdsEndpoint | None:
    try:
        return None if text == "off" else endpoint_of(text)
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _folder_or_off(text: str) -> Path | None:
    return None if text == "off" else Path(text)


def _cni(arguments: argparse.Namespace) -> CniSettings | None:
    mode, folders = CniMode(arguments.cni), (arguments.cni_conf, arguments.cni_bin)
    if mode is CniMode.OFF and not leftovers.exist(*folders, state=arguments.state):
        return None
    where = {"conf": arguments.cni_conf, "bin": arguments.cni_bin, "shim": arguments.cni_shim}
    return CniSettings(mode=mode, **where)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netvsc-deviceplugin",
        description="Advertises the NetVSC+VF pairs of this node to its kubelet.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--config", type=Path, metavar="FILE", help="pools (default: one, `pair`)")
    parser.add_argument("--node", metavar="NAME", help="pools and status: the NetvscNode NAME")
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="with --node (default: as pods do)"
    )
    parser.add_argument("--listen", default="0.0.0.0:9470", help="metrics and health (%(default)s)")
    for name, default, what in _FOLDERS:
        parser.add_argument(
            name, type=Path, default=Path(default), metavar="PATH", help=f"{what} (%(default)s)"
        )
    parser.add_argument(
        "--cni",
        choices=[mode.value for mode in CniMode],
        default=CniMode.OFF.value,
        help="move pairs into pods: not at all, for Multus, or chained (%(default)s)",
    )
    parser.add_argument(
        "--imds",
        type=_imds,
        default=LINK_LOCAL,
        metavar="URL|off",
        help="Azure's metadata service: the NICs' own addresses (%(default)s)",
    )
    parser.add_argument(
        "--cdi",
        type=_folder_or_off,
        default="off",
        metavar="PATH|off",
        help="where the runtime reads CDI specifications, /var/run/cdi as a rule (%(default)s)",
    )
    parser.add_argument("--sysfs", action=_Refused, help=argparse.SUPPRESS)
    add_sim(parser)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
