#!/bin/sh
# Checks what `make demo` and `make test` need of the machine, and says how to get all of it.
set -u

missing=""
need() { # need PACKAGE COMMAND...: the command must succeed
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

links_statically() {
    echo 'int main(void) { return 0; }' | gcc -static -x c -o /dev/null -
}

need git git --version
need gcc gcc --version
command -v gcc >/dev/null 2>&1 && need libc6-dev links_statically
need python3-venv "${PYTHON:-python3}" -c 'import ensurepip, venv'
need iproute2 ip -V
need util-linux unshare --version

if [ -n "$missing" ]; then
    echo "This machine lacks:$missing. On Debian 12 or Ubuntu 24.04:" >&2
    echo "  sudo apt-get install --yes$missing" >&2
    exit 1
fi
if ! "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
