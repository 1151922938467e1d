"""What is to be done next about the webhook's certificates: a pure decision from what is there.

One step at a time, each safe to repeat and to be interrupted after. The order keeps one promise: no
reader ever serves a certificate that the apiserver does not know. So an authority is told to the
apiserver before it signs, and stays told until it ends, as all that it signed has by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netvsc_operator.certificates import x509
from netvsc_operator.certificates.x509 import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the cluster has.

    `trusted` is the bundle beside the authority; `told` are the bundles of the webhooks, `told_at`
    since when all of them were seen to hold `trusted`, None if they do not.
    """

    authority: Pair | None
    trusted: str
    serving: Pair | None
    told: Sequence[str]
    told_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`settle_s`: how long apiservers may take to hear of a changed bundle."""

    names: tuple[str, ...]
    authority_s: float = x509.AUTHORITY_S
    serving_s: float = x509.SERVING_S
    settle_s: float = 30.0


@dataclass(frozen=True, slots=True)
class MakeAuthority:
    """A new authority; `trusted` are those of before that have not ended."""

    trusted: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Keep this bundle beside the authority: one of before has ended."""

    bundle: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Write this bundle into the webhook configurations."""

    bundle: str


@dataclass(frozen=True, slots=True)
class Issue:
    """A new serving certificate."""

    authority: Pair


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is due before `until`."""

    until: float


Step = MakeAuthority | Trust | Tell | Issue | Rest


def next_step(seen: Seen, wanted: Wanted, *, now: float) -> Step:
    authority = seen.authority
    if authority is None or not x509.fits(authority) or _due(authority, now):
        return MakeAuthority(_still_good(seen, now))
    trusted = x509.bundle(authority.certificate, seen.trusted, now=now)
    if trusted != seen.trusted:
        return Trust(trusted)
    if any(told != trusted for told in seen.told):
        return Tell(trusted)
    if _serves(seen, wanted, now=now):
        return Rest(_next(seen, authority))
    known_from = _known_from(seen, wanted, authority)
    return Issue(authority) if now >= known_from else Rest(known_from)


def _still_good(seen: Seen, now: float) -> str:
    olds = seen.trusted + (seen.authority.certificate if seen.authority else "")
    lives = ((pem, x509.life(pem)) for pem in x509.split(olds))
    return "\n".join(dict.fromkeys(pem for pem, life in lives if life and life.ends > now))


def _serves(seen: Seen, wanted: Wanted, *, now: float) -> bool:
    """Tell whether the serving certificate is as it should be."""
    serving, authority = seen.serving, seen.authority
    return (
        serving is not None
        and authority is not None
        and x509.fits(serving)
        and x509.signed_by(serving.certificate, authority.certificate)
        and x509.names_of(serving.certificate) == frozenset(wanted.names)
        and not _due(serving, now)
    )


def _known_from(seen: Seen, wanted: Wanted, authority: Pair) -> float:
    """Return when every apiserver knows the authority; at once where haste loses nothing."""
    if not seen.told or not _of_another(seen, authority):
        return 0.0
    return (seen.told_at or 0.0) + wanted.settle_s


def _of_another(seen: Seen, authority: Pair) -> bool:
    """Tell whether what is served now is trusted by another authority's word."""
    pem = seen.serving.certificate if seen.serving else ""
    others = set(x509.split(seen.trusted)) - {authority.certificate.strip()}
    return any(x509.signed_by(pem, one) for one in others)


def _next(seen: Seen, authority: Pair) -> float:
    lives = [x509.life(pem) for pem in x509.split(seen.trusted)]
    ends = [life.ends for life in lives if life]
    pairs = [pair for pair in (authority, seen.serving) if pair]
    dues = [life.due for pair in pairs if (life := x509.life(pair.certificate))]
    return min(ends + dues)


def _due(pair: Pair, now: float) -> bool:
    life = x509.life(pair.certificate)
    return life is None or now >= life.due
