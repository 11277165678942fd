#!/usr/bin/env bash
# Kills the daemon of a working node again and again: kill -9 of it, of its process group and of its cgroup, SIGTERM, and `sluice upgrade`, at random moments
# and in a seeded order, while containers start, images of both formats are read cold (of RAFS also one that is mounted on a loop device), and fio writes to a
# writable disk and verifies. Beside it lives a `sluice mount --supervise`, whose serving process is killed likewise. Prints wrong bytes, I/O errors and how long
# readers waited; beside it, the same without a keeper.
# Needs root, containerd, runc, skopeo, busybox-static, e2fsprogs and fio.
#   ./bench.sh chaos [--rounds 200] [--seed N] [--reference-rounds 3] [--modes stop]
# --modes: only these, of kill, group, cgroup, stop (SIGTERM and start, as `systemctl restart` does) and upgrade, parted by commas.
set -euo pipefail
cd "$(dirname "$0")/.."
SLUICE=${SLUICE:-$PWD/$(./build.sh --native)} exec python3 bench/chaos.py "$@"
