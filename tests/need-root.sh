#!/bin/sh
# need-root.sh TARGET: ends with a message unless this is root, for stages that make real nodes.
if [ "$(id -u)" -ne 0 ]; then
    echo "make $1 needs root (packages, cgroups, a node's namespaces): sudo make $1" >&2
    exit 1
fi
