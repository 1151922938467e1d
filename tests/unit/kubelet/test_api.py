"""The checked-in messages are those of the .proto files, with any generator."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from netvsc_deviceplugin.kubelet.api import deviceplugin_v1beta1_pb2, podresources_v1_pb2
from netvsc_deviceplugin.kubelet.api.regenerate import HERE, SOURCES

MODULES = {
    "deviceplugin_v1beta1": deviceplugin_v1beta1_pb2,
    "podresources_v1": podresources_v1_pb2,
}


def compiled(name: str, folder: Path) -> FileDescriptorProto:
    out = folder / "set"
    protoc = [sys.executable, "-m", "grpc_tools.protoc"]
    files = [f"-I{HERE}", f"--descriptor_set_out={out}", f"{HERE}/{name}.proto"]
    subprocess.run([*protoc, *files], check=True)
    (descriptor,) = FileDescriptorSet.FromString(out.read_bytes()).file
    for message in descriptor.message_type:
        for part in (message, *message.nested_type):
            for field in part.field:
                field.ClearField("json_name")  # protoc adds it to sets only
    return descriptor


@pytest.mark.parametrize("name", SOURCES)
def test_the_modules_hold_what_the_proto_files_say(name: str, tmp_path: Path) -> None:
    module: ModuleType = MODULES[name]
    held = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
    assert held == compiled(name, tmp_path)


@pytest.mark.parametrize("name", SOURCES)
def test_the_stubs_name_every_message_and_field(name: str, tmp_path: Path) -> None:
    stub = ast.parse((HERE / f"{name}_pb2.pyi").read_text())
    found = {
        node.name: {
            part.target.id
            for part in node.body
            if isinstance(part, ast.AnnAssign)
            and isinstance(part.target, ast.Name)
            and not part.target.id.endswith("_FIELD_NUMBER")
        }
        for node in stub.body
        if isinstance(node, ast.ClassDef)
    }
    wanted = {
        message.name: {field.name for field in message.field}
        for message in compiled(name, tmp_path).message_type
    }
    assert found == wanted


@pytest.mark.parametrize("name", SOURCES)
def test_the_generated_code_runs_with_the_lowest_protobuf_we_support(name: str) -> None:
    code = (HERE / f"{name}_pb2.py").read_text()
    assert "# Protobuf Python Version: 5.29.0\n" in code
