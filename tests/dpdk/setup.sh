#!/bin/bash
# Everything the real DPDK tests need, once per machine; a second run looks at the stamps and ends.
#
#   setup.sh          prepares and prints the folder
#
# Folder: ${NETVSC_CACHE:-$HOME/.cache/netvsc}/dpdk
#   src/dpdk    the source of the installed DPDK: the driver headers that no package ships, and
#               what our patch is applied to
#   trixie/     Debian 13's packages unpacked: the second DPDK line, run by chroot
#   bullseye/   Debian 11's C library: an old one for the guard to be loaded by
#   plugins/    the stand-in VF driver
set -euo pipefail
umask 022

here=$(cd "$(dirname "$0")" && pwd)
cache=${NETVSC_CACHE:-$HOME/.cache/netvsc}/dpdk
libc=base-files,coreutils,dash
second_line=$libc,dpdk-dev,librte-net-failsafe25,librte-net-null25,librte-net-tap25,librte-net-af-packet25,librte-mempool-ring25
packages=(dpdk dpdk-dev libdpdk-dev gcc make pkg-config patch xz-utils dpkg-dev
  musl-tools clang-14 lld-14 llvm-14 libcap2-bin iproute2 mmdebstrap debian-archive-keyring)

say() { printf 'dpdk set-up: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || die "needs root to install: ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# The machine's own Debian archive, whatever mirror that is.
mirror() {
  # shellcheck disable=SC2016  # apt's own words, not the shell's
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1
}

# An apt state of our own: the machine's list of sources stays as it is.
source_apt() {
  apt-get -o Dir::Etc::sourcelist="$cache/src/deb-src.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$cache/src/lists" -o APT::Sandbox::User=root "$@"
}

# The source of just the version that is installed.
unpack_source() {
  [ -e "$cache/src/.done" ] && return
  local archive version
  archive=$(mirror)
  version=$(dpkg-query -W -f '${Version}' dpdk-dev)
  say "the source of DPDK $version"
  rm -rf "$cache/src"
  mkdir -p "$cache/src/lists/partial" "$cache/src/dpdk"
  printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "$archive" bookworm "$archive" bookworm-updates "$archive-security" bookworm-security \
    >"$cache/src/deb-src.list"
  source_apt update -qq
  (cd "$cache/src" && source_apt source --download-only -qq "dpdk=$version")
  tar -C "$cache/src/dpdk" --strip-components=1 -xf "$cache"/src/dpdk_*.orig.tar.xz
  rm -r "$cache/src/lists" "$cache"/src/dpdk_*.tar.xz
  touch "$cache/src/.done"
}

# --variant=extract: the packages' files and nothing run, which is all a program and its libraries need.
unpack_root() {
  local suite=$1 include=$2
  [ -e "$cache/$suite/.done" ] && return
  say "a root folder of Debian's $suite"
  rm -rf "${cache:?}/$suite"
  mmdebstrap --quiet --mode=root --variant=extract --include="$include" \
    "$suite" "$cache/$suite" "$(mirror)" >&2
  mkdir -p "$cache/$suite/tmp"
  touch "$cache/$suite/.done"
}

# build OUTPUT COMMAND... SOURCE: runs it again when the command or the source has changed.
build() {
  local output=$1 stamp
  shift
  stamp=$(printf '%s\n' "$@" | cat - "${@: -1}" | sha256sum) # the source comes last
  [ -e "$output" ] && [ "$(cat "$output.sum" 2>/dev/null)" = "$stamp" ] && return
  mkdir -p "$(dirname "$output")"
  "$@" -o "$output.new"
  mv "$output.new" "$output"
  echo "$stamp" >"$output.sum"
}

# EAL loads no plugin from a folder that everybody may write to; this one is ours.
build_plugin() {
  local tree=$cache/src/dpdk flags
  read -ra flags <<<"$(pkg-config --cflags libdpdk)"
  build "$cache/plugins/librte_net_fakevf.so" \
    gcc -O2 -Wall -Wextra -Werror -fPIC -shared "${flags[@]}" -include rte_config.h \
    -DALLOW_INTERNAL_API -DALLOW_EXPERIMENTAL_API \
    -I"$tree/lib/ethdev" -I"$tree/lib/eal/include" -I"$tree/drivers/bus/vdev" "$here/fakevf.c"
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
install_packages
unpack_source
unpack_root trixie "$second_line"
unpack_root bullseye "$libc"
build_plugin
echo "$cache"
