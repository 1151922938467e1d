"""`netvsc-operator webhook`: its arguments."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from netvsc.encoding.hostport import split_host_port
from netvsc.errors import ConfigError, NetvscError, RequestError
from netvsc.host import logs
from netvsc.model.pool import Pool, pools_from
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.webhook.process import Address, WebhookSettings, serve

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; returns 0, 1 for what it cannot cure, 2 for usage."""
    arguments = _parser().parse_args(argv)
    logs.configure()
    failures: list[BaseException] = []
    try:
        asyncio.run(_until_signal(_settings(arguments)))
    except* NetvscError as group:
        failures = _leaves(group)
    for failure in failures:
        log.error("%s", failure)
    return 1 if failures else 0


async def _until_signal(settings: WebhookSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, CollectorRegistry(), stop)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]


def _settings(arguments: argparse.Namespace) -> WebhookSettings:
    return WebhookSettings(
        listen=arguments.listen,
        metrics=arguments.metrics,
        tls=arguments.tls,
        sidecar_image=SidecarImage(
            image=arguments.fdpipe_image,
            pull_policy=arguments.fdpipe_pull_policy,
            pull_secrets=tuple(arguments.fdpipe_pull_secret),
        ),
        kubeconfig=arguments.kubeconfig,
        pools=_pools(arguments.pools) if arguments.pools else None,
        leave_s=arguments.leave_seconds,
    )


def _pools(path: Path) -> tuple[Pool, ...]:
    try:
        return pools_from(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}; name a file as docs/pools.md has it") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _address(text: str) -> Address:
    try:
        return split_host_port(text, example="0.0.0.0:9443")
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netvsc-operator webhook",
        description="Answers admission reviews: pods that request a pair get what they need.",
    )
    add = parser.add_argument
    add("--listen", type=_address, default="0.0.0.0:9443", help="reviews, TLS (%(default)s)")
    add("--metrics", type=_address, default="0.0.0.0:9472", help="metrics, health (%(default)s)")
    add("--tls", type=Path, required=True, metavar="DIR", help="folder of tls.crt and tls.key")
    add("--fdpipe-image", required=True, metavar="IMAGE", help="the sidecar's image")
    add("--fdpipe-pull-policy", choices=["Always", "IfNotPresent", "Never"], help="and its policy")
    add(
        "--fdpipe-pull-secret",
        action="append",
        default=[],
        metavar="NAME",
        help="added to the imagePullSecrets of pods; may be given several times",
    )
    add("--kubeconfig", type=Path, metavar="FILE", help="(default: the pod's own account)")
    add("--pools", type=Path, metavar="FILE", help="pools from a file, without an apiserver")
    add(
        "--leave-seconds",
        type=float,
        default=5.0,
        metavar="S",
        help="reviews are still answered for so long after SIGTERM (%(default)s)",
    )
    return parser
