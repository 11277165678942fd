#!/usr/bin/env bash
# A node that works all the time: pulls, starts, reads, commits nothing, removes; both formats, and a writable disk. Prints the slope of the
# daemon's memory by linear regression, and whether descriptors, loop devices and mounts stay as many as they were.
# Needs root, containerd, runc, skopeo, busybox-static and e2fsprogs.
#   ./bench.sh soak [--minutes 30] [--warm-up 20] [--samples FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
SLUICE=${SLUICE:-$PWD/$(./build.sh --native)} exec python3 bench/soak.py "$@"
