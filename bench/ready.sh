#!/usr/bin/env bash
# How long a daemon that knows many images takes to be ready after a restart of the machine (every process dead, nothing mounted, the state directory empty, the registry gone), beside
# one that knows none; and what the keeper takes then.
# Needs root, containerd and e2fsprogs.
#   ./bench.sh ready [--images 200] [--starts 5]
set -euo pipefail
cd "$(dirname "$0")/.."
SLUICE=${SLUICE:-$PWD/$(./build.sh --native)} exec python3 bench/ready.py "$@"
