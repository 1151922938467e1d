"""The drivers of Azure's VFs: the program knows what netvsc/drivers.py says of each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netvsc.drivers import DEFAULT_TEMPLATE, DRIVERS, Driver
from sim.sidecar.fdpipe import ROOT, SOURCES
from sim.sidecar.machines import default_template, needs_verbs


def test_the_c_table_is_what_make_drivers_would_write() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "fdpipe.drivers"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (SOURCES / "lib/driver_table.h").read_text() == made.stdout


@pytest.mark.parametrize("one", DRIVERS, ids=lambda one: str(one.name))
def test_the_program_takes_a_drivers_template_and_need_of_verbs_from_the_table(
    one: Driver,
) -> None:
    assert (default_template(one.name), needs_verbs(one.name)) == (one.template, one.verbs)


@pytest.mark.parametrize("name", ["", "hv_pci_stand_in", "mlx5_core2", "mana_ib"])
def test_a_vf_of_another_driver_is_told_by_its_address_and_needs_no_verbs(name: str) -> None:
    assert (default_template(name), needs_verbs(name)) == (DEFAULT_TEMPLATE, False)


def test_the_ports_of_a_mana_are_told_by_their_mac_and_other_vfs_by_their_address() -> None:
    assert default_template("mana") == "{pci},mac={mac}"
    assert default_template("mlx5_core") == "{pci}"
