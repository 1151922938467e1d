"""What wakes the inventory's loop: label `reason` of netvsc_scans_total."""

from __future__ import annotations

from enum import StrEnum


class Woken(StrEnum):
    LINK = "link"
    ADDRESS = "address"
    ROUTE = "route"
    UEVENT = "uevent"
    POLICY = "policy"  # pools, foreign owners, or who holds what
    IMDS = "imds"
    OVERRUN = "overrun"  # messages were lost
    RETRY = "retry"  # the scan before failed
    TIMER = "timer"
