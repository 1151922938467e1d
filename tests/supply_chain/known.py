"""Licences that no metadata tells in a form to rely on, each read from the file that does tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

# Source package → licence of the files an image has of it, by its usr/share/doc/*/copyright.
DEBIAN = {
    "base-files": "GPL-2.0-or-later",
    "bzip2": "bzip2-1.0.6",
    "expat": "MIT",
    "gcc-12": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "glibc": "LGPL-2.1-or-later",
    "libffi": "MIT",
    "musl": "MIT",
    "openssl": "Apache-2.0",
    "python3-stdlib-extensions": "PSF-2.0",
    "python3.11": "PSF-2.0",
    "util-linux": "BSD-3-Clause",
    "xz-utils": "LicenseRef-public-domain",
    "zlib": "Zlib",
}

# What distributions write who do not yet write an SPDX expression.
_PLAIN = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "ISC": "ISC",
    "MIT": "MIT",
    "MPL-2.0": "MPL-2.0",
    "Modified BSD License": "BSD-3-Clause",
    "PSF-2.0": "PSF-2.0",
}

# Parts that a wheel declares, without a licence.
DECLARED = {"openssl": "Apache-2.0"}


@dataclass(frozen=True, slots=True)
class Bundled:
    """A library inside a wheel that does not declare it, and how it shows that it is there."""

    name: str
    licence: str
    file: str
    mark: bytes


_GRPC = "grpc/_cython/cygrpc.*.so"
BUNDLED = {
    "cffi": (Bundled("libffi", "MIT", "_cffi_backend.*.so", b"ffi_closure_alloc"),),
    "grpcio": (
        Bundled("abseil-cpp", "Apache-2.0", _GRPC, b"third_party/abseil-cpp"),
        Bundled("boringssl", "Apache-2.0", _GRPC, b"third_party/boringssl"),
        Bundled("c-ares", "MIT", _GRPC, b"c-ares"),
        Bundled("envoy-api", "Apache-2.0", _GRPC, b"envoy"),
        Bundled("mozilla-ca-certificates", "MPL-2.0", "grpc/_cython/_credentials/roots.pem", b""),
        Bundled("re2", "BSD-3-Clause", _GRPC, b"third_party/re2"),
        Bundled("upb", "BSD-3-Clause", _GRPC, b"upb"),
        Bundled("zlib", "Zlib", _GRPC, b"inflate 1"),
    ),
    "protobuf": (Bundled("utf8_range", "MIT", "google/_upb/_message.*.so", b"utf8_range"),),
    "pyyaml": (Bundled("libyaml", "MIT", "yaml/_yaml.*.so", b"yaml_parser_parse"),),
}


class UnknownLicenceError(Exception):
    pass


def debian_licence(source: str) -> str:
    if source not in DEBIAN:
        raise UnknownLicenceError(
            f"Debian's {source} is in an image and nobody has looked up its licence: read its"
            " copyright file, and add it to DEBIAN in tests/supply_chain/known.py"
        )
    return DEBIAN[source]


def python_licence(metadata: Message) -> str:
    """The expression of PEP 639, or one of the plain names that were in use before."""
    told = metadata["License-Expression"] or _PLAIN.get(str(metadata["License"]))
    if not told:
        raise UnknownLicenceError(
            f"{metadata['Name']} {metadata['Version']} says {metadata['License']!r} of its licence:"
            " read it, and add what it means to _PLAIN in tests/supply_chain/known.py"
        )
    return str(told)
