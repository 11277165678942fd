#!/usr/bin/env bash
# Reads through a Sluice mount of an image that is all in the cache, with a cold page cache, beside a plain EROFS mount of the same
# files; then the daemon's time to its first accepted connection, and its idle memory. At most three minutes; needs root and fio.
#   ./bench.sh warm [LAYOUT]     LAYOUT: an OCI layout, tag latest (default: the rig's wordpress)
# WARM_DISK=memory: cache and reference lie on an ext4 in memory, which takes the noise of a shared disk out of the comparison.
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_BENCH_RIG=$(readlink -f "${SLUICE_BENCH_RIG:-../shared/bench}")
layout=${1:-}
if [ -z "$layout" ]; then
    . "$SLUICE_BENCH_RIG/env.sh"
    layout=$STACK/images/wordpress
    [ -d "$layout" ] || "$SLUICE_BENCH_RIG/make-images.sh" base wordpress
fi
dotnet build bench/Sluice.Bench -c Release -v quiet -nologo >/dev/null
sluice=${SLUICE:-$PWD/$(./build.sh --native)}
scratch=$(mktemp -d)
memory=
clean() {
    findmnt -rno TARGET | grep -F "$scratch/" | sort -r | xargs -r umount -l || true
    [ -z "$memory" ] || { umount -l "$scratch"; rm -f "$memory"; }
    rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 130' INT TERM
if [ "${WARM_DISK:-}" = memory ]; then
    memory=$(mktemp /dev/shm/sluice-warm.XXXXXX)
    truncate -s 6G "$memory"
    mkfs.ext4 -q "$memory"
    mount -o loop "$memory" "$scratch"
fi

echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors, Linux $(uname -r)"
"$sluice" convert "oci:$layout:latest" "oci:$scratch/image:rafs" >/dev/null
mkdir "$scratch/reads" "$scratch/target"
artifacts/bin/Sluice.Bench/release/Sluice.Bench warm-reads "$scratch/image:rafs" "$scratch/reads"
rm -rf "$scratch/reads"
python3 bench/daemon_idle.py "$sluice" "$scratch" "oci:$scratch/image:rafs"
echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
