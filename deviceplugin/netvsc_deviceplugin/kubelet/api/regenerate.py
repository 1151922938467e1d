"""Makes the `_pb2` modules anew from the .proto files beside it; run it with -m.

What is checked in comes from grpcio-tools 1.71 (protoc 29), the last whose code runs with
protobuf 5.29, the lowest that the agent supports; newer generators raise that bound.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = ("deviceplugin_v1beta1", "podresources_v1")
GENERATOR = "1.71"


def main() -> None:
    """Write the modules; exits with a message if another generator than GENERATOR is installed."""
    found = version("grpcio-tools")
    if not found.startswith(f"{GENERATOR}."):
        sys.exit(
            f"grpcio-tools {found} is installed, but the code must come from {GENERATOR}: "
            f"pip install --target DIR 'grpcio-tools=={GENERATOR}.*', then put DIR on PYTHONPATH"
        )
    outputs = [f"-I{HERE}", f"--python_out={HERE}", f"--pyi_out={HERE}"]
    protos = [f"{HERE}/{name}.proto" for name in SOURCES]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *outputs, *protos], check=True)
    for name in SOURCES:
        _complete(HERE / f"{name}_pb2.pyi")


def _complete(stub: Path) -> None:
    """Give mypy --strict the type arguments that this generator leaves out."""
    stub.write_text(stub.read_text().replace(", _Mapping]", ", _Mapping[str, object]]"))


if __name__ == "__main__":
    main()
