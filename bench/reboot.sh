#!/usr/bin/env bash
# Containers after a restart of the machine (every process killed, nothing mounted, the state directories empty): one whose image is all cached, and one whose image was pulled and never started,
# beside a registry that runs (the reference), is stopped, or takes connections and says nothing.
# Needs root, containerd, runc, skopeo, busybox-static and e2fsprogs.
#   ./bench.sh reboot [--rounds 5]
set -euo pipefail
cd "$(dirname "$0")/.."
SLUICE=${SLUICE:-$PWD/$(./build.sh --native)} exec python3 bench/reboot.py "$@"
