"""A CPU limit as a container has it: CFS quota in a cgroup of its own, where root may make one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PERIOD_US = 100_000  # the kubelet's --cpu-cfs-quota-period
V1 = Path("/sys/fs/cgroup/cpu")
V2 = Path("/sys/fs/cgroup")


@contextmanager
def limited(pid: int, *, milli_cpu: int) -> Iterator[bool]:
    """Limit a process; yields False, and does nothing, where this user may not."""
    quota = milli_cpu * PERIOD_US // 1000
    v1 = (V1 / "cpu.cfs_quota_us").exists()
    group = (V1 if v1 else V2) / f"netvsc-bench-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield False
        return
    try:
        if v1:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
        yield True
    finally:
        (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()
