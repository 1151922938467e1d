"""The witness: the stand-in of an application, started with the arguments that a DPDK one gets."""

from __future__ import annotations

import sys

from sim.sidecar import application

if __name__ == "__main__":
    # What the webhook put there is EAL's, and this is not EAL; descriptor and poll are as it says.
    sys.exit(application.main(["--fd", "200", "--poll-ms", "100"]))
