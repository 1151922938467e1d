"""The table of VF drivers, and what must say the same."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from netvsc.drivers import CURRENT, DEFAULT_TEMPLATE, DRIVERS, Driver, driver_of
from netvsc.model.devargs import check_template

ROOT = Path(__file__).parents[3]
each = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)


@each
def test_a_drivers_own_template_is_one_that_a_pool_could_have(driver: Driver) -> None:
    assert check_template(driver.template) == driver.template


@each
def test_a_verbs_device_has_a_module_that_makes_it(driver: Driver) -> None:
    assert bool(driver.infiniband_module) is driver.verbs
    assert driver.infiniband_module in {None, *dict(driver.options)}


@each
def test_a_function_is_known_by_its_driver_and_before_it_has_one(driver: Driver) -> None:
    assert driver_of(driver.name, vendor="", device="") is driver
    unbound = driver_of(None, vendor=driver.pci_vendor, device=driver.pci_device or "0x1018")
    assert unbound
    assert unbound.pci_vendor == driver.pci_vendor


def test_what_is_no_vf_has_no_driver_of_the_table() -> None:
    assert driver_of("virtio-pci", vendor="0x1af4", device="0x1000") is None
    assert driver_of(None, vendor="0x1414", device="0x008e") is None


@each
def test_the_words_name_every_driver(driver: Driver) -> None:
    assert f"`{driver.name}`" in (ROOT / "docs/concepts.md").read_text()


@each
def test_pools_tell_each_default_that_differs(driver: Driver) -> None:
    (row,) = [
        line
        for line in (ROOT / "docs/pools.md").read_text().splitlines()
        if line.startswith("| `devargsTemplate`")
    ]
    assert f"`{DEFAULT_TEMPLATE}`" in row
    if driver.template != DEFAULT_TEMPLATE:
        assert f"{driver.name} `{driver.template}`" in row


@each
def test_fdpipe_tells_what_it_waits_for_and_what_it_writes(driver: Driver) -> None:
    page = " ".join((ROOT / "docs/fdpipe.md").read_text().split())
    _, _, readiness = page.partition("its verbs device is there (drivers ")
    assert (f"`{driver.name}`" in readiness.partition(";")[0]) is driver.verbs
    if driver.template != DEFAULT_TEMPLATE:
        assert f"`{driver.template}` when the driver is `{driver.name}`" in page


def test_no_other_page_lists_the_drivers() -> None:
    """A list that no test holds would be forgotten; one driver may stand in an example."""
    held = {"concepts.md", "pools.md", "compatibility.md", "fdpipe.md"}
    lists = [
        path.name
        for path in (ROOT / "docs").rglob("*.md")
        if path.name not in held
        for text in path.read_text().split("\n\n")
        if sum(f"`{one.name}`" in text for one in DRIVERS) > 1
    ]
    assert lists == []


@pytest.mark.parametrize("driver", CURRENT, ids=lambda driver: driver.name)
def test_compatibility_names_the_hardware_of_today(driver: Driver) -> None:
    assert driver.title in (ROOT / "docs/compatibility.md").read_text()


@each
def test_no_other_module_names_a_driver(driver: Driver) -> None:
    names = {driver.name, driver.infiniband_module, driver.dpdk}
    sources = [
        p for part in ("netvsc", "deviceplugin", "operator") for p in (ROOT / part).rglob("*.py")
    ]
    strays = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert strays == {"netvsc/drivers.py"}
