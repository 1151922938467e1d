#!/bin/bash
# Debian packages that the tests in a real cluster need; installs what is missing, once. DPDK's come
# with tests/dpdk/setup.sh, which the tests that need it call themselves.
set -eu

packages=(gcc libc6-dev musl-tools libseccomp-dev pkg-config iproute2 nftables openssl buildah debootstrap
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static libfaketime)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "cluster set-up: installing ${missing[*]}" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if ! command -v go >/dev/null; then
    echo "cluster set-up: Go 1.21 or newer is missing, which Debian 12 has in backports alone:" \
        "install it, it fetches the Go it needs" >&2
    exit 1
fi
