"""Parts → a CycloneDX document: the same image gives the same bytes."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supply_chain.parts import Part

# A space of names of our own, so that an image's digest alone decides its document's number.
_NUMBERS = uuid.uuid5(uuid.NAMESPACE_DNS, "sbom.netvsc.io")


@dataclass(frozen=True, slots=True)
class Subject:
    """The image that a document is about."""

    name: str
    version: str
    digest: str
    commit: str
    epoch: int
    """Seconds since 1970, which the image's files bear."""


def document(subject: Subject, parts: Iterable[Part]) -> str:
    when = dt.datetime.fromtimestamp(subject.epoch, tz=dt.UTC)
    bom = Bom(
        serial_number=uuid.uuid5(_NUMBERS, subject.digest),
        metadata=BomMetaData(component=_image(subject), timestamp=when),
        components=[_component(part, within="") for part in parts],
    )
    bom.register_dependency(bom.metadata.component or _image(subject), bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def faults(text: str) -> list[str]:
    """What the official schema has against a document."""
    found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True)
    return [str(fault) for fault in found or ()]


def _image(subject: Subject) -> Component:
    return Component(
        type=ComponentType.CONTAINER,
        name=subject.name,
        version=subject.version,
        bom_ref=subject.name,
        hashes=[_sha256(subject.digest.removeprefix("sha256:"))],
        licenses=[LicenseExpression("Apache-2.0")],
        properties=[Property(name="netvsc.io:commit", value=subject.commit)],
    )


def _component(part: Part, *, within: str) -> Component:
    """References are by place: a library may be inside two others."""
    place = f"{within}{part.purl or part.name}"
    source = [Property(name="netvsc.io:debian-source", value=part.source)] if part.source else []
    return Component(
        type=ComponentType.FILE if part.name.startswith("/") else ComponentType.LIBRARY,
        name=part.name,
        version=part.version or None,
        bom_ref=place,
        purl=PackageURL.from_string(part.purl) if part.purl else None,
        hashes=[_sha256(part.sha256)] if part.sha256 else [],
        licenses=[LicenseExpression(part.licence)] if part.licence else [],
        properties=source,
        components=[_component(held, within=f"{place}/") for held in part.holds],
    )


def _sha256(value: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=value)
