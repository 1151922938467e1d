"""Prints lib/driver_table.h, the C of netvsc/drivers.py: `make drivers` puts it in its place."""

from __future__ import annotations

import json

from netvsc.drivers import DEFAULT_TEMPLATE, DRIVERS, Driver

_TEXT = """\
/* Made from netvsc/drivers.py by `make drivers`; do not edit. */
#ifndef FDPIPE_DRIVER_TABLE_H
#define FDPIPE_DRIVER_TABLE_H

#define DRIVER_DEFAULT_TEMPLATE {default}

/* clang-format off */
#define DRIVER_TABLE \\
{entries}
/* clang-format on */

#endif
"""


def table() -> str:
    """Return the header's text."""
    entries = " \\\n".join(f"\t{_entry(one)}," for one in DRIVERS)
    return _TEXT.format(default=json.dumps(DEFAULT_TEMPLATE), entries=entries)


def _entry(one: Driver) -> str:
    verbs = str(one.verbs).lower()
    return f"{{{json.dumps(one.name)}, {json.dumps(one.template)}, {verbs}}}"


if __name__ == "__main__":
    print(table(), end="")
