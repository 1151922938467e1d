"""Certificates for the webhook: what they contain, when they are due, what is to be done next.

Pure but for the random numbers of new keys. Times are seconds since the epoch. RFC 5280; keys are
ECDSA P-256, which every apiserver takes and which costs a handshake least.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netvsc.errors import RequestError

DAY_S = 86_400.0
AUTHORITY_S = 5 * 365 * DAY_S
SERVING_S = 365 * DAY_S
_SKEW_S = 90_000.0  # ours may be wrong by a day, and an hour for good measure


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when a certificate is good; `due` is when it should be renewed."""

    begins: float
    ends: float

    @property
    def due(self) -> float:
        return self.begins + (self.ends - self.begins) * 2 / 3


def new_authority(*, now: float, life_s: float = AUTHORITY_S) -> KeyPair:
    """Make an authority that signs serving certificates and nothing below them."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Two authorities stand side by side while one follows the other: each has a name of its own.
    name = _name(f"netvsc-webhook-ca-{int(now)}")
    builder = _begun(subject=name, issuer=name, key=key, begins=_begin(now, life_s))
    certificate = (
        builder.not_valid_after(_time(now + life_s))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def issue(
    authority: KeyPair, *, names: Sequence[str], now: float, life_s: float = SERVING_S
) -> KeyPair:
    """Make a serving certificate for DNS names and IP addresses; its authority outlives it."""
    above = x509.load_pem_x509_certificate(authority.certificate.encode())
    signer = serialization.load_pem_private_key(authority.key.encode(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise RequestError(
            "the authority's key is not ours: delete its Secret, and a new one comes"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _begun(
        subject=_name(names[0]), issuer=above.subject, key=key, begins=_begin(now, life_s)
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        builder.not_valid_after(min(_time(now + life_s), above.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False
        )
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _pair(certificate, key)


def validity(pem: str) -> Validity | None:
    """Return when the first certificate in `pem` is good, None if there is none."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None
    return Validity(
        begins=found.not_valid_before_utc.timestamp(), ends=found.not_valid_after_utc.timestamp()
    )


def fits(pair: KeyPair) -> bool:
    """Tell whether the key is that of the certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        key = serialization.load_pem_private_key(pair.key.encode(), password=None)
    except (ValueError, TypeError):
        return False
    return key.public_key() == certificate.public_key()


def signed_by(pem: str, authority: str) -> bool:
    """Tell whether the certificate in `pem` was issued by the authority."""
    try:
        below = x509.load_pem_x509_certificate(pem.encode())
        below.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except Exception:  # noqa: BLE001 (the library raises five kinds; each means no)
        return False
    return True


def names_of(pem: str) -> frozenset[str]:
    """Return the DNS names and addresses for which a certificate stands."""
    found = x509.load_pem_x509_certificate(pem.encode())
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(name.value) for name in names)


def bundle(current: str, others: str, *, now: float) -> str:
    """Return `current` and those of `others` that have not ended, each once."""
    kept = [current.strip()]
    for pem in split(others):
        found = validity(pem)
        if pem not in kept and found and found.ends > now:
            kept.append(pem)
    return "\n".join(kept) + "\n"


def split(pem: str) -> list[str]:
    """Return the certificates of a bundle one by one."""
    end = "-----END CERTIFICATE-----"
    return [f"{part.strip()}\n{end}" for part in pem.split(end) if part.strip()]


def _begun(
    *, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: float
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_time(begins))
        .add_extension(identifier, critical=False)
    )


def _begin(now: float, life_s: float) -> float:
    return now - min(_SKEW_S, life_s / 100)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(certificate=certificate.public_bytes(pem).decode(), key=private.decode())


def _name(text: str) -> x509.Name:
    shortened = text[:64]  # RFC 5280, ub-common-name; what counts stands in the alternative names
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, shortened)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))
