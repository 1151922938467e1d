"""Kernels that panic when a netns with a pair is deleted, by the number in their release."""

import pytest

from netvsc_deviceplugin.cli.doctor.release import panics, version


@pytest.mark.parametrize(
    ("release", "bad"),
    [
        ("5.15.169", False),
        ("5.15.170", True),
        ("5.15.189", True),
        ("5.15.190", False),
        ("6.6.58", False),
        ("6.6.59", True),
        ("6.6.102", True),
        ("6.6.103", False),
        ("6.12.42", True),
        ("6.12.43", False),
        ("6.8.12", False),
        ("6.17.0", False),
        ("6.17.0-1003-azure", False),
        ("6.6.82.1-1.azl3", True),
        ("6.6.104.2-4.azl3", False),
        ("6.8.0-1021-azure", None),
        ("5.15.0-1084-azure", None),
        ("5.14.0-503.el9.x86_64", None),
        ("4.19.300", None),
        ("mystery", None),
    ],
)
def test_a_release_tells_whether_it_panics_or_that_it_cannot_tell(
    release: str, bad: bool | None
) -> None:
    assert panics(release) is bad


def test_a_release_begins_with_its_version() -> None:
    assert version("6.6.57.1-2.azl3") == (6, 6, 57)
    assert version("6.17-rc1") == (6, 17, 0)
    assert version("next-20260101") is None
