"""`netvsc-operator controller`: the words on its command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from netvsc import logs
from netvsc.access import access
from netvsc.errors import NetvscError
from netvsc_operator import authority
from netvsc_operator.controller.program import Program, Settings

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Control until SIGTERM or SIGINT; returns 0, 1 for what it cannot cure, 2 for usage."""
    arguments = _parser().parse_args(argv)
    logs.configure()
    failures: list[BaseException] = []
    try:
        asyncio.run(Program(_settings(arguments), CollectorRegistry()).run())
    except* NetvscError as group:
        failures = _leaves(group)
    for failure in failures:
        log.error("%s", failure)
    return 1 if failures else 0


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]


def _settings(arguments: argparse.Namespace) -> Settings:
    way = access(arguments.kubeconfig)
    own = authority.Settings(
        namespace=arguments.namespace or way.namespace,
        service=arguments.webhook_service,
        secret=arguments.secret,
        configuration=arguments.webhook_configuration,
    )
    return Settings(
        access=way,
        listen=arguments.listen,
        certificates=own if arguments.certificates == "own" else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netvsc-operator controller",
        description="Tells agents which pools they have, people what happened to VFs, and orders "
        "announcements again that were lost.",
    )
    add = parser.add_argument
    add("--listen", default="0.0.0.0:9471", help="metrics and health (%(default)s)")
    add("--kubeconfig", type=Path, metavar="FILE", help="(default: the pod's own account)")
    add(
        "--certificates",
        choices=["own", "off"],
        default="off",
        help="make and renew the webhook's certificates (own), or leave that to cert-manager",
    )
    names = {
        "--webhook-service": ("netvsc-webhook", "the webhook's Service"),
        "--secret": ("netvsc-webhook-tls", "where its certificate is kept"),
        "--webhook-configuration": ("netvsc-webhook", "both webhook configurations' name"),
    }
    for name, (default, what) in names.items():
        add(name, default=default, metavar="NAME", help=f"{what} (%(default)s)")
    add("--namespace", metavar="NAME", help="of Service and Secret (default: the pod's own)")
    return parser
