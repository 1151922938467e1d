"""`netvsc doctor`: what will trip a pod with a pair on this node, or in that image, and the fix.

The `gather*` modules read, the `checks_*` decide: each check is a pure function of what was read.
"""

from netvsc_deviceplugin.cli.doctor.command import add_arguments, run

__all__ = ["add_arguments", "run"]
