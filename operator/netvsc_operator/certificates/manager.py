"""The one owner of the webhook's certificates, in a cluster without cert-manager.

`keep` runs inside the controller: it looks at two Secrets and the webhook configurations, takes the
step that `plan` names, and looks again; a watch is only a reason to look. The authority's key
stays in a Secret of its own, `<secret>-ca`, which no webhook mounts.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from netvsc.host.log_once import LogOnce
from netvsc_operator.certificates import x509
from netvsc_operator.certificates.plan import (
    Desired,
    Issue,
    KeepBundle,
    MakeAuthority,
    NothingDue,
    Observed,
    Publish,
    next_step,
)
from netvsc_operator.certificates.x509 import KeyPair
from netvsc_operator.kube import (
    MUTATING,
    SECRETS,
    VALIDATING,
    ApiError,
    Kind,
    Kube,
    NotFound,
    Patch,
    Unavailable,
    Watch,
)
from netvsc_operator.objects import Object, Scope

log = logging.getLogger(__name__)

_LONGEST_REST_S = 3600.0  # wall clocks jump: look at least so often
_RETRY_S = 2.0
_CONFIGURATIONS = (MUTATING, VALIDATING)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSettings:
    """`configuration` names the Mutating- and the ValidatingWebhookConfiguration; times in s."""

    namespace: str
    service: str = "netvsc-webhook"
    secret: str = "netvsc-webhook-tls"  # noqa: S105 (a name)
    configuration: str = "netvsc-webhook"
    more_names: tuple[str, ...] = ()
    authority_s: float = x509.AUTHORITY_S
    serving_s: float = x509.SERVING_S
    settle_s: float = 30.0

    @property
    def authority_secret(self) -> str:
        return f"{self.secret}-ca"

    def desired(self) -> Desired:
        inside = f"{self.service}.{self.namespace}.svc"
        return Desired(
            names=(inside, f"{self.service}.{self.namespace}", *self.more_names),
            authority_s=self.authority_s,
            serving_s=self.serving_s,
            settle_s=self.settle_s,
        )


async def keep(
    kube: Kube,
    settings: CertificateSettings,
    *,
    clock: Callable[[], float] = time.time,
    expires: Callable[[float], None] = lambda _at: None,
) -> None:
    """Keep certificates and bundles as they should be, until cancelled.

    `expires` is called with the end of the serving certificate, in seconds since the epoch.
    """
    hint = asyncio.Event()
    keeper = _Keeper(kube, settings, clock=clock, expires=expires)
    async with asyncio.TaskGroup() as tasks:
        for kind, scope in _watched(settings):
            tasks.create_task(_hear(Watch(kube, kind, scope), hint))
        await keeper.run(hint)


def _watched(settings: CertificateSettings) -> list[tuple[Kind, Scope]]:
    named = f"metadata.name={settings.configuration}"
    secrets = (settings.secret, settings.authority_secret)
    return [(kind, Scope(fields=named)) for kind in _CONFIGURATIONS] + [
        (SECRETS, Scope(namespace=settings.namespace, fields=f"metadata.name={name}"))
        for name in secrets
    ]


async def _hear(watch: Watch, hint: asyncio.Event) -> None:
    async with aclosing(watch.events()) as events:
        async for _ in events:
            hint.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was read, as objects; None is not there."""

    authority: Object | None
    serving: Object | None
    configurations: tuple[tuple[Kind, Object], ...]

    def published(self) -> list[str]:
        return [bundle for _, thing in self.configurations for bundle in _bundles(thing)]


class _Keeper:
    def __init__(
        self,
        kube: Kube,
        settings: CertificateSettings,
        *,
        clock: Callable[[], float],
        expires: Callable[[float], None],
    ) -> None:
        self._kube = kube
        self._settings = settings
        self._desired = settings.desired()
        self._clock = clock
        self._expires = expires
        self._published: tuple[str, float] | None = None  # a bundle, and since when all hold it
        self._troubles = LogOnce(log)

    async def run(self, hint: asyncio.Event) -> None:
        while True:
            hint.clear()
            try:
                pause_s = await self._step()
                self._troubles.over()
            except (ApiError, Unavailable) as error:
                self._troubles.warning(f"certificates: {error}")
                pause_s = _RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(hint.wait(), timeout=pause_s)

    async def _step(self) -> float:
        """Look and take one step; returns for how long there is nothing to do."""
        look = await self._look()
        observed = self._observed(look)
        now = self._clock()
        match next_step(observed, self._desired, now=now):
            case NothingDue(until):
                return min(max(until - now, 0.0), _LONGEST_REST_S)
            case Publish(bundle):
                await self._publish(look, bundle)
            case MakeAuthority(trusted):
                await self._make_authority(look, trusted, now)
            case KeepBundle(bundle):
                await self._write(
                    self._settings.authority_secret, look.authority, {"ca.crt": bundle}
                )
            case Issue(authority):
                await self._issue(look, authority, observed.trusted, now)
        return 0.0

    async def _look(self) -> _Look:
        settings = self._settings
        found = [(kind, await self._find(kind, settings.configuration)) for kind in _CONFIGURATIONS]
        return _Look(
            authority=await self._find(SECRETS, settings.authority_secret, settings.namespace),
            serving=await self._find(SECRETS, settings.secret, settings.namespace),
            configurations=tuple((kind, thing) for kind, thing in found if thing),
        )

    async def _find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        try:
            return await self._kube.get(kind, name, namespace=namespace)
        except NotFound:
            return None

    def _observed(self, look: _Look) -> Observed:
        serving = _pair(look.serving)
        validity = x509.validity(serving.certificate) if serving else None
        if validity:
            self._expires(validity.ends)
        trusted, published = _text(look.authority, "ca.crt"), look.published()
        if any(bundle != trusted for bundle in published):
            self._published = None
        elif self._published is None or self._published[0] != trusted:
            self._published = (trusted, self._clock())
        return Observed(
            authority=_pair(look.authority),
            trusted=trusted,
            serving=serving,
            published=published,
            published_since=self._published[1] if self._published else None,
        )

    async def _make_authority(self, look: _Look, trusted: str, now: float) -> None:
        made = x509.new_authority(now=now, life_s=self._desired.authority_s)
        bundle = x509.bundle(made.certificate, trusted, now=now)
        data = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": bundle}
        await self._write(self._settings.authority_secret, look.authority, data)
        log.info("certificates: a new authority was made")

    async def _issue(self, look: _Look, authority: KeyPair, trusted: str, now: float) -> None:
        made = x509.issue(
            authority, names=self._desired.names, now=now, life_s=self._desired.serving_s
        )
        data = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": trusted}
        await self._write(self._settings.secret, look.serving, data)
        log.info("certificates: a new serving certificate was issued")

    async def _publish(self, look: _Look, bundle: str) -> None:
        for kind, thing in look.configurations:
            if any(published != bundle for published in _bundles(thing)):
                name = thing["metadata"]["name"]
                await self._kube.patch(kind, name, _publication(thing, bundle), how=Patch.JSON)
                log.info("certificates: %s %s has the bundle", kind, name)

    async def _write(self, name: str, before: Object | None, data: dict[str, str]) -> None:
        """Write a Secret unless somebody else did since it was read."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        namespace = self._settings.namespace
        if before is None:
            body = {
                "metadata": {
                    "name": name,
                    "labels": {"app.kubernetes.io/managed-by": "netvsc-operator"},
                },
                "type": "Opaque",
                "data": encoded,
            }
            await self._kube.create(SECRETS, body, namespace=namespace)
        else:
            version = before["metadata"]["resourceVersion"]
            body = {"metadata": {"resourceVersion": version}, "data": encoded}
            await self._kube.patch(SECRETS, name, body, namespace=namespace)


def _bundles(configuration: Object) -> list[str]:
    return [
        base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode(errors="replace")
        for webhook in configuration.get("webhooks") or []
    ]


def _publication(configuration: Object, bundle: str) -> list[Object]:
    encoded = base64.b64encode(bundle.encode()).decode()
    version = configuration["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        *(
            {"op": "add", "path": f"/webhooks/{i}/clientConfig/caBundle", "value": encoded}
            for i in range(len(configuration.get("webhooks") or []))
        ),
    ]


def _pair(secret: Object | None) -> KeyPair | None:
    certificate, key = _text(secret, "tls.crt"), _text(secret, "tls.key")
    return KeyPair(certificate=certificate, key=key) if certificate and key else None


def _text(secret: Object | None, key: str) -> str:
    data = (secret or {}).get("data") or {}
    return base64.b64decode(data.get(key, "")).decode(errors="replace")
