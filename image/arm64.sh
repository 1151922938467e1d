#!/bin/bash
# fdpipe for arm64, into build/arm64/build: compiled across, with the C library of Debian's cross
# compiler. The shipped amd64 build has musl and its 64 KB; this one shows that the source is fit.
set -eu
cd "$(dirname "$0")/.."

for program in aarch64-linux-gnu-gcc qemu-aarch64-static; do
    if ! command -v "$program" >/dev/null; then
        echo "arm64: $program is missing: apt-get install -y --no-install-recommends" \
            "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static" >&2
        exit 1
    fi
done
rm -rf build/arm64
mkdir -p build
cp -r fdpipe build/arm64
rm -rf build/arm64/build
make --no-print-directory -s -C build/arm64 build/fdpipe build/guard.so \
    CC=aarch64-linux-gnu-gcc GUARD_CC=aarch64-linux-gnu-gcc MUSL=
