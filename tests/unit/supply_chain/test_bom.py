"""The bill of materials of an image: valid by the official schema, and always the same."""

from __future__ import annotations

import json

import pytest

from supply_chain.bom import Subject, document, faults
from supply_chain.parts import Part

HELD = Part(name="asn1", version="0.24", licence="MIT", purl="pkg:cargo/asn1@0.24")
PARTS = (
    Part(name="/fdpipe", version="0.1.0", licence="Apache-2.0", sha256="cd" * 32),
    Part(name="one", version="1", licence="MIT", purl="pkg:pypi/one@1", holds=(HELD,)),
    Part(
        name="two", version="2", licence="MIT OR Apache-2.0", purl="pkg:pypi/two@2", holds=(HELD,)
    ),
)


def subject(digest: str = "ab") -> Subject:
    return Subject(
        name="image", version="0.1.0", digest=f"sha256:{digest * 32}", commit="0" * 40, epoch=86400
    )


def test_the_official_schema_has_nothing_against_it() -> None:
    assert faults(document(subject(), PARTS)) == []


def test_the_check_against_the_schema_finds_a_fault() -> None:
    told = json.loads(document(subject(), PARTS))
    told["components"][0]["type"] = "thing"

    assert any("thing" in fault for fault in faults(json.dumps(told)))


@pytest.mark.parametrize("order", [PARTS, PARTS[::-1]])
def test_it_does_not_depend_on_the_order_of_parts_nor_on_the_time_of_day(
    order: tuple[Part, ...],
) -> None:
    text = document(subject(), order)

    assert text == document(subject(), PARTS)
    assert json.loads(text)["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"


def test_it_names_the_image_by_its_digest_and_the_commit() -> None:
    about = json.loads(document(subject(), PARTS))["metadata"]["component"]

    assert about["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert about["properties"] == [{"name": "netvsc.io:commit", "value": "0" * 40}]


def test_another_image_has_another_serial_number() -> None:
    one, other = (json.loads(document(subject(digest), PARTS)) for digest in ("ab", "ef"))

    assert one["serialNumber"] != other["serialNumber"]


def test_a_library_inside_two_distributions_stands_in_both() -> None:
    components = json.loads(document(subject(), PARTS))["components"]
    held = [part["components"][0] for part in components if part["name"] in {"one", "two"}]

    assert {part["purl"] for part in held} == {"pkg:cargo/asn1@0.24"}
    assert len({part["bom-ref"] for part in held}) == 2
