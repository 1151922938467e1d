"""`netvsc-operator controller`: its arguments."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from netvsc.errors import NetvscError
from netvsc.host import logs
from netvsc_operator.certificates import manager
from netvsc_operator.controller.process import ControllerProcess, ControllerSettings
from netvsc_operator.kube import Kube, config_loader

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Control until SIGTERM or SIGINT; returns 0, 1 for what it cannot cure, 2 for usage."""
    arguments = _parser().parse_args(argv)
    logs.configure()
    failures: list[BaseException] = []
    try:
        asyncio.run(_control(arguments))
    except* NetvscError as group:
        failures = _leaves(group)
    for failure in failures:
        log.error("%s", failure)
    return 1 if failures else 0


async def _control(arguments: argparse.Namespace) -> None:
    async with Kube(config_loader(arguments.kubeconfig)) as kube:
        settings = _settings(arguments, namespace=kube.connection.namespace)
        await ControllerProcess(settings, CollectorRegistry()).run(kube)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]


def _settings(arguments: argparse.Namespace, *, namespace: str) -> ControllerSettings:
    own = manager.CertificateSettings(
        namespace=arguments.namespace or namespace,
        service=arguments.webhook_service,
        secret=arguments.secret,
        configuration=arguments.webhook_configuration,
    )
    certificates = own if arguments.certificates == "own" else None
    return ControllerSettings(listen=arguments.listen, certificates=certificates)


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
