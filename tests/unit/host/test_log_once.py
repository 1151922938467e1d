"""What lasts is logged once."""

from __future__ import annotations

import logging

import pytest

from netvsc.host.log_once import LogOnce


def test_a_text_is_logged_once_for_each_thing_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    once = LogOnce(logging.getLogger("test"))
    for about in ("a", "a", "b", "a"):
        once.warning("is busy", about=about, extra={"pair": about})
    assert [vars(record)["pair"] for record in caplog.records] == ["a", "b"]


def test_another_text_and_one_that_comes_again_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    once = LogOnce(logging.getLogger("test"))
    for text in ("is busy", "is gone"):
        once.warning(text)
    assert once.over()
    assert not once.over()
    once.warning("is gone")
    assert caplog.messages == ["is busy", "is gone", "is gone"]
