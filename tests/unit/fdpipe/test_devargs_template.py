"""The devargs line: the code that is shipped."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sim.sidecar.machines import check_template, render

VALUES: dict[str, Any] = {"pci": "9b33:00:02.0", "mac": "00:0d:3a:c0:00:11", "interface": "eth1"}


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{pci}", "9b33:00:02.0"),
        ("{pci},mac={mac}", "9b33:00:02.0,mac=00:0d:3a:c0:00:11"),
        ("net_fakevf_{pcihex},iface={interface}", "net_fakevf_9b3300020,iface=eth1"),
        ("net_af_packet0", "net_af_packet0"),
        ("{pci}{pci}", "9b33:00:02.09b33:00:02.0"),
    ],
)
def test_placeholders_are_filled_in(template: str, line: str) -> None:
    assert check_template(template) is None
    assert render(template, **VALUES) == line


@pytest.mark.parametrize("template", ["", "{PCI}", "{pci", "a{}b", "line\nbreak", "x" * 192])
def test_what_cannot_be_a_line_is_refused(template: str) -> None:
    assert check_template(template)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=191))
def test_a_template_that_passes_renders_to_one_line_of_bounded_length(template: str) -> None:
    if check_template(template):
        return
    line = render(template, **VALUES)
    assert line is None or ("\n" not in line and len(line) < 256)


@given(st.integers(1, 40))
def test_a_line_that_does_not_fit_is_said_not_to_fit(size: int) -> None:
    fits = render("{pci},mac={mac}", size=size, **VALUES)
    assert (fits is None) == (size < len("9b33:00:02.0,mac=00:0d:3a:c0:00:11") + 1)
