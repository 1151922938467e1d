"""Addresses to listen on."""

from __future__ import annotations

import pytest

from netvsc.encoding.hostport import split_host_port
from netvsc.errors import RequestError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0.0.0.0:9470", ("0.0.0.0", 9470)),
        ("[::]:0", ("::", 0)),
        (":65535", ("", 65535)),
    ],
)
def test_host_and_port_are_told_apart(text: str, parts: tuple[str, int]) -> None:
    assert split_host_port(text, example="0.0.0.0:1") == parts


@pytest.mark.parametrize("text", ["", "nowhere", "9470", "a:", "a:http", "a:-1", "a:65536"])
def test_what_is_neither_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RequestError, match=r"write host:port, such as 0\.0\.0\.0:1"):
        split_host_port(text, example="0.0.0.0:1")
