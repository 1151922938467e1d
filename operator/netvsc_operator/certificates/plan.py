"""What is to be done next about the webhook's certificates: a pure decision from what is there.

One step at a time, each safe to repeat and to be interrupted after. The order keeps one promise: no
reader ever serves a certificate that the apiserver does not know. So an authority is published to
the apiserver before it signs, and stays published until it ends, as all that it signed has by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netvsc_operator.certificates import x509
from netvsc_operator.certificates.x509 import KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the cluster has.

    `trusted` is the bundle beside the authority; `published` are the bundles of the webhooks,
    `published_since` since when all of them were seen to hold `trusted`, None if they do not.
    """

    authority: KeyPair | None
    trusted: str
    serving: KeyPair | None
    published: Sequence[str]
    published_since: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """`settle_s`: how long apiservers may take to see a changed bundle."""

    names: tuple[str, ...]
    authority_s: float = x509.AUTHORITY_S
    serving_s: float = x509.SERVING_S
    settle_s: float = 30.0


@dataclass(frozen=True, slots=True)
class MakeAuthority:
    """A new authority; `trusted` are those of before that have not ended."""

    trusted: str


@dataclass(frozen=True, slots=True)
class KeepBundle:
    """Keep this bundle beside the authority: one of before has ended."""

    bundle: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Write this bundle into the webhook configurations."""

    bundle: str


@dataclass(frozen=True, slots=True)
class Issue:
    """A new serving certificate."""

    authority: KeyPair


@dataclass(frozen=True, slots=True)
class NothingDue:
    """There is nothing to do before `until`."""

    until: float


Step = MakeAuthority | KeepBundle | Publish | Issue | NothingDue


def next_step(observed: Observed, desired: Desired, *, now: float) -> Step:
    authority = observed.authority
    if authority is None or not x509.fits(authority) or _due(authority, now):
        return MakeAuthority(_still_good(observed, now))
    trusted = x509.bundle(authority.certificate, observed.trusted, now=now)
    if trusted != observed.trusted:
        return KeepBundle(trusted)
    if any(published != trusted for published in observed.published):
        return Publish(trusted)
    if _serves(observed, desired, now=now):
        return NothingDue(_next(observed, authority))
    known_from = _known_from(observed, desired, authority)
    return Issue(authority) if now >= known_from else NothingDue(known_from)


def _still_good(observed: Observed, now: float) -> str:
    olds = observed.trusted + (observed.authority.certificate if observed.authority else "")
    validities = ((pem, x509.validity(pem)) for pem in x509.split(olds))
    return "\n".join(
        dict.fromkeys(pem for pem, validity in validities if validity and validity.ends > now)
    )


def _serves(observed: Observed, desired: Desired, *, now: float) -> bool:
    """Tell whether the serving certificate is as it should be."""
    serving, authority = observed.serving, observed.authority
    return (
        serving is not None
        and authority is not None
        and x509.fits(serving)
        and x509.signed_by(serving.certificate, authority.certificate)
        and x509.names_of(serving.certificate) == frozenset(desired.names)
        and not _due(serving, now)
    )


def _known_from(observed: Observed, desired: Desired, authority: KeyPair) -> float:
    """Return when every apiserver knows the authority; at once where haste loses nothing."""
    if not observed.published or not _of_another(observed, authority):
        return 0.0
    return (observed.published_since or 0.0) + desired.settle_s


def _of_another(observed: Observed, authority: KeyPair) -> bool:
    """Tell whether what is served now is trusted by another authority's word."""
    pem = observed.serving.certificate if observed.serving else ""
    others = set(x509.split(observed.trusted)) - {authority.certificate.strip()}
    return any(x509.signed_by(pem, one) for one in others)


def _next(observed: Observed, authority: KeyPair) -> float:
    validities = [x509.validity(pem) for pem in x509.split(observed.trusted)]
    ends = [validity.ends for validity in validities if validity]
    pairs = [pair for pair in (authority, observed.serving) if pair]
    dues = [validity.due for pair in pairs if (validity := x509.validity(pair.certificate))]
    return min(ends + dues)


def _due(pair: KeyPair, now: float) -> bool:
    validity = x509.validity(pair.certificate)
    return validity is None or now >= validity.due
