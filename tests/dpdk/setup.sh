#!/bin/bash
# Everything the real DPDK tests need, once per machine; a second run looks at the stamps and ends.
#
#   setup.sh          prepares and prints the folder
#
# Folder: ${NETVSC_CACHE:-$HOME/.cache/netvsc}/dpdk
#   src/dpdk    the source of the installed DPDK: what our patch is applied to
#   trixie/     Debian 13's packages unpacked: DPDK 24.11, run by chroot
#   sid/        Debian unstable's: DPDK 25.11
#   bullseye/   Debian 11's C library: an old one for the guard to be loaded by
#   plugins/    the stand-in VF driver; each root folder has its own in usr/lib/netvsc
#   source/     with DPDK_SRC=<source tree>: what was built from it
set -euo pipefail
umask 022

here=$(cd "$(dirname "$0")" && pwd)
cache=${NETVSC_CACHE:-$HOME/.cache/netvsc}/dpdk
libc=base-files,coreutils,dash
plugin=librte_net_fakevf.so
packages=(dpdk dpdk-dev libdpdk-dev gcc make pkg-config patch xz-utils dpkg-dev
  musl-tools clang-14 lld-14 llvm-14 libcap2-bin iproute2 mmdebstrap debian-archive-keyring)

# What testpmd needs; the libraries of a release carry its ABI's number.
testpmd_of() {
  printf '%s,dpdk-dev' "$libc"
  printf ",librte-%s$1" net-failsafe net-null net-tap net-af-packet mempool-ring
}

say() { printf 'dpdk set-up: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

missing_packages() {
  local package
  for package; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
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
  local archive version
  version=$(dpkg-query -W -f '${Version}' dpdk-dev)
  [ "$(cat "$cache/src/.done" 2>/dev/null)" = "$version" ] && return
  archive=$(mirror)
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
  echo "$version" >"$cache/src/.done"
}

# The headers for applications, of the root folder's own release. Run by mmdebstrap in that folder.
# shellcheck disable=SC2016  # for the shell that mmdebstrap starts
headers='cd "$1" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
  apt-get download -qq libdpdk-dev 2>/dev/null &&
  dpkg-deb --fsys-tarfile libdpdk-dev_*.deb | tar -x ./usr/include && rm libdpdk-dev_*.deb'

# --variant=extract: the packages' files and nothing run, which is all a program and its libraries
# need. A mirror of unstable may be some weeks behind.
unpack_root() {
  local suite=$1 include=$2
  shift 2
  [ -e "$cache/$suite/.done" ] && return
  say "a root folder of Debian's $suite"
  rm -rf "${cache:?}/$suite"
  mmdebstrap --quiet --mode=root --variant=extract --include="$include" \
    --aptopt='Acquire::Check-Valid-Until "false"' "$@" "$suite" "$cache/$suite" "$(mirror)" >&2 || {
    # the tests of that line fail, the others do not
    say "could not unpack $include of $suite: has its DPDK another ABI number by now (here and in lines.py)?"
    return
  }
  mkdir -p "$cache/$suite/tmp"
  touch "$cache/$suite/.done"
}

# build OUTPUT COMMAND... SOURCE: runs it again when the command or the source has changed.
build() {
  local output=$1 stamp
  shift
  stamp=$(printf '%s\n' "$@" | cat - "${@: -1}" "$here"/*.h | sha256sum) # the source comes last
  [ -e "$output" ] && [ "$(cat "$output.sum" 2>/dev/null)" = "$stamp" ] && return
  mkdir -p "$(dirname "$output")"
  "$@" -o "$output.new"
  mv "$output.new" "$output"
  echo "$stamp" >"$output.sum"
}

# build_plugin OUTPUT INCLUDE...: the stand-in VF driver, against the headers of one DPDK; LINKS are the
# linker's. EAL loads no plugin from a folder that everybody may write to; ours are not such.
build_plugin() {
  local output=$1 flags folder
  shift
  # the processor that Debian builds for
  read -ra flags <<<"$(pkg-config --cflags-only-other libdpdk) ${LINKS:-}"
  for folder; do flags+=("-I$folder"); done
  build "$output" gcc -O2 -Wall -Wextra -Werror -fPIC -shared "${flags[@]}" \
    -DALLOW_INTERNAL_API -DALLOW_EXPERIMENTAL_API "$here/fakevf.c"
}

build_plugins() {
  local triplet suite
  triplet=$(gcc -print-multiarch)
  build_plugin "$cache/plugins/$plugin" /usr/include/dpdk "/usr/include/$triplet/dpdk"
  for suite in trixie sid; do
    [ -e "$cache/$suite/.done" ] || continue
    build_plugin "$cache/$suite/usr/lib/netvsc/$plugin" \
      "$cache/$suite/usr/include/dpdk" "$cache/$suite/usr/include/$triplet/dpdk"
  done
}

# A shared build of the few drivers that the tests use: about two minutes.
build_source() {
  local built=$cache/source drivers=bus/pci,bus/vdev,mempool/ring,net/failsafe,net/tap,net/af_packet,net/null
  [ "$(cat "$built/tree" 2>/dev/null)" = "$DPDK_SRC" ] && return
  install_packages meson ninja-build python3-pyelftools libnuma-dev
  say "DPDK $(cat "$DPDK_SRC/VERSION") from $DPDK_SRC"
  rm -rf "$built"
  local PATH=/usr/bin:/bin # Debian's python3, which has the elftools
  meson setup --prefix="$built/installed" --libdir=lib --buildtype=release -Ddefault_library=shared \
    -Dplatform=generic -Dtests=false -Denable_apps=test-pmd -Denable_drivers="$drivers" \
    "$built/build" "$DPDK_SRC" >&2
  ninja -C "$built/build" install >"$built/log"
  rm -r "$built/build"
  # its testpmd, unlike Debian's, has not loaded the bus by then
  LINKS="-Wl,--no-as-needed -L$built/installed/lib -lrte_bus_vdev" \
    build_plugin "$built/$plugin" "$built/installed/include"
  cp "$DPDK_SRC/VERSION" "$built/version"
  echo "$DPDK_SRC" >"$built/tree"
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
install_packages "${packages[@]}"
unpack_source
unpack_root trixie "$(testpmd_of 25)" --extract-hook="$headers"
unpack_root sid "$(testpmd_of 26)" --extract-hook="$headers"
unpack_root bullseye "$libc"
build_plugins
[ -z "${DPDK_SRC:-}" ] || build_source
echo "$cache"
