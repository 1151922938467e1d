"""Certificates, and in which order they are renewed so that no reader is ever distrusted."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc_operator.certificates import x509 as certificates
from netvsc_operator.certificates.plan import (
    Desired,
    Issue,
    KeepBundle,
    MakeAuthority,
    NothingDue,
    Observed,
    Publish,
    Step,
    next_step,
)
from netvsc_operator.certificates.x509 import (
    KeyPair,
    bundle,
    fits,
    issue,
    new_authority,
    signed_by,
    validity,
)

NOW = 1_800_000_000.0
NAMES = ("netvsc-webhook.netvsc-system.svc", "127.0.0.1")
WANTED = Desired(names=NAMES, authority_s=5000.0, serving_s=1000.0, settle_s=30.0)


def test_an_authority_signs_a_serving_certificate_for_names_and_addresses() -> None:
    authority = new_authority(now=NOW)
    serving = issue(authority, names=NAMES, now=NOW)
    assert signed_by(serving.certificate, authority.certificate)
    assert certificates.names_of(serving.certificate) == set(NAMES)
    assert fits(authority)
    assert fits(serving)
    assert not fits(KeyPair(certificate=serving.certificate, key=authority.key))


def test_their_lives_are_as_documented() -> None:
    authority = new_authority(now=NOW)
    serving = issue(authority, names=NAMES, now=NOW)
    long, short = validity(authority.certificate), validity(serving.certificate)
    assert long
    assert short
    assert long.ends - NOW == 5 * 365 * 86_400
    assert short.ends - NOW == 365 * 86_400
    assert short.begins == NOW - 90_000  # good at once where our clock was a day ahead
    assert short.due == pytest.approx(NOW + 365 * 86_400 * 2 / 3, rel=1e-4)


def test_a_serving_certificate_never_outlives_its_authority() -> None:
    authority = new_authority(now=NOW, life_s=100)
    serving = issue(authority, names=NAMES, now=NOW, life_s=1000)
    assert validity(serving.certificate) is not None
    assert validity(serving.certificate).ends == NOW + 100  # type: ignore[union-attr]


def test_a_serving_certificate_may_serve_and_do_nothing_else() -> None:
    authority = new_authority(now=NOW)
    extensions = x509.load_pem_x509_certificate(
        issue(authority, names=NAMES, now=NOW).certificate.encode()
    ).extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    above = x509.load_pem_x509_certificate(authority.certificate.encode()).extensions
    assert above.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_a_key_of_another_kind_is_named_with_the_remedy() -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    strange = KeyPair(certificate=new_authority(now=NOW).certificate, key=key.decode())
    with pytest.raises(RequestError, match="delete its Secret"):
        issue(strange, names=NAMES, now=NOW)


def test_a_bundle_holds_the_current_one_first_and_none_that_has_ended() -> None:
    old, new = new_authority(now=NOW, life_s=100), new_authority(now=NOW + 60, life_s=100)
    both = bundle(new.certificate, old.certificate, now=NOW + 60)
    assert certificates.split(both) == [new.certificate.strip(), old.certificate.strip()]
    assert bundle(new.certificate, both, now=NOW + 60) == both
    later = bundle(new.certificate, both, now=NOW + 101)
    assert certificates.split(later) == [new.certificate.strip()]


def test_what_is_no_certificate_is_none_of_all() -> None:
    assert validity("nonsense") is None
    assert not fits(KeyPair(certificate="nonsense", key="nonsense"))
    assert not signed_by("nonsense", "nonsense")
    real = new_authority(now=NOW).certificate
    assert certificates.split(bundle(real, "nonsense", now=NOW)) == [real.strip()]


@dataclass
class Cluster:
    """Two Secrets, one configuration, and readers that see all of it a while later."""

    now: float = NOW
    authority: KeyPair | None = None
    trusted: str = ""
    serving: KeyPair | None = None
    told: list[str] = field(default_factory=lambda: ["", ""])
    told_at: float | None = None
    authorities: int = 0
    servings: int = 0

    def look(self) -> Observed:
        if any(one != self.trusted for one in self.told):
            self.told_at = None
        elif self.told_at is None:
            self.told_at = self.now
        return Observed(
            authority=self.authority,
            trusted=self.trusted,
            serving=self.serving,
            published=tuple(self.told),
            published_since=self.told_at,
        )

    def step(self) -> Step:
        step = next_step(self.look(), WANTED, now=self.now)
        match step:
            case MakeAuthority(trusted):
                self.authority = new_authority(now=self.now, life_s=WANTED.authority_s)
                self.trusted = bundle(self.authority.certificate, trusted, now=self.now)
                self.authorities += 1
            case KeepBundle(text):
                self.trusted = text
            case Publish(text):
                self.told = [text for _ in self.told]
            case Issue(authority):
                self.serving = issue(authority, names=NAMES, now=self.now, life_s=WANTED.serving_s)
                self.servings += 1
            case NothingDue():
                pass
        return step

    def settle(self) -> float:
        """Take steps until there is nothing to do; returns until when."""
        for _ in range(10):
            if isinstance(step := self.step(), NothingDue):
                return step.until
        raise AssertionError("it never rests")

    def is_trusted(self) -> bool:
        """Tell whether the apiserver takes what is served."""
        if self.serving is None:
            return True
        found = validity(self.serving.certificate)
        return bool(found and found.ends > self.now) and all(
            any(signed_by(self.serving.certificate, one) for one in certificates.split(told))
            for told in self.told
        )


def test_from_nothing_all_is_made_at_once() -> None:
    cluster = Cluster()
    assert isinstance(cluster.step(), MakeAuthority)
    assert isinstance(cluster.step(), Publish)  # told before it signs
    assert isinstance(cluster.step(), Issue)
    assert isinstance(cluster.step(), NothingDue)
    assert cluster.is_trusted()


def test_a_serving_certificate_is_renewed_at_two_thirds_of_its_life() -> None:
    cluster = Cluster()
    due = cluster.settle()
    assert due == pytest.approx(NOW + 1000 * 2 / 3, abs=5)
    first, cluster.now = cluster.serving, due
    cluster.settle()
    assert cluster.serving != first
    assert cluster.authorities == 1


def test_a_new_authority_is_told_and_heard_before_it_signs() -> None:
    cluster = Cluster()
    cluster.settle()
    old, cluster.now = cluster.serving, NOW + 5000 * 2 / 3
    cluster.serving = issue(cluster.authority, names=NAMES, now=cluster.now, life_s=1000)  # type: ignore[arg-type]
    served = cluster.serving
    assert old != served
    assert isinstance(cluster.step(), MakeAuthority)
    assert isinstance(cluster.step(), Publish)
    rest = cluster.step()
    assert rest == NothingDue(cluster.now + WANTED.settle_s)
    assert cluster.serving == served
    assert cluster.is_trusted()
    cluster.now += WANTED.settle_s
    assert isinstance(cluster.step(), Issue)
    assert cluster.is_trusted()
    assert len(certificates.split(cluster.told[0])) == 2


def test_the_old_authority_is_trusted_until_it_ends() -> None:
    cluster = Cluster()
    cluster.settle()
    cluster.now = NOW + 5000 * 2 / 3 + 1
    cluster.settle()
    cluster.now += WANTED.settle_s
    until = cluster.settle()
    while until < NOW + 5000:
        cluster.now = until
        until = cluster.settle()
        assert len(certificates.split(cluster.told[0])) == 2
    cluster.now = NOW + 5001
    assert isinstance(cluster.step(), KeepBundle)
    cluster.settle()
    assert len(certificates.split(cluster.told[0])) == 1
    assert cluster.is_trusted()


@pytest.mark.parametrize("harm", ["authority", "trusted", "serving", "told", "key", "names"])
def test_what_somebody_spoils_is_repaired(harm: str) -> None:
    cluster = Cluster()
    cluster.settle()
    assert cluster.serving
    match harm:
        case "authority":
            cluster.authority = None
        case "trusted":
            cluster.trusted = "nonsense"
        case "serving":
            cluster.serving = None
        case "told":
            cluster.told[1] = ""
        case "key":
            cluster.serving = KeyPair(certificate=cluster.serving.certificate, key="nonsense")
        case _:
            other = issue(cluster.authority, names=["else"], now=NOW)  # type: ignore[arg-type]
            cluster.serving = other
    cluster.settle()
    cluster.now += WANTED.settle_s
    cluster.settle()
    assert cluster.is_trusted()
    assert certificates.names_of(cluster.serving.certificate) == set(NAMES)
    assert cluster.told == [cluster.trusted, cluster.trusted]


def test_without_configurations_there_is_nobody_to_wait_for() -> None:
    cluster = Cluster(told=[])
    cluster.settle()
    assert cluster.servings == 1


@settings(max_examples=15)  # each makes some dozen keys
@given(st.lists(st.floats(min_value=0, max_value=140), min_size=20, max_size=40))
def test_through_years_and_crashes_what_is_served_is_trusted(pauses: list[float]) -> None:
    """The owner comes in time or late, and may have forgotten since when the bundle is told."""
    cluster = Cluster()
    until = cluster.settle()
    for number, late in enumerate(pauses):
        cluster.now = until + late
        if number % 2:
            cluster.told_at = None
        while not isinstance(cluster.step(), NothingDue):
            assert cluster.is_trusted()
        assert cluster.is_trusted()
        until = cluster.settle()


def test_python_itself_takes_the_chain() -> None:
    authority = new_authority(now=NOW)
    context = ssl.create_default_context(cadata=authority.certificate)
    assert len(context.get_ca_certs()) == 1
