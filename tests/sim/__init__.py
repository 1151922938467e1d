"""The simulator: what this machine has no hardware for, played on the real kernel.

A NetVSC and its VF are veths whose link alias names the parent the kernel would report
(docs/simulator.md). Nothing of this is shipped in an image.
"""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # before grpc's import; it logs to stderr in C
