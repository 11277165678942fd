#!/usr/bin/env bash
# A writable disk (`sluice mount --upper`, both kinds) beside an ext4 on a loop device over a plain sparse file, direct I/O both, on the same
# file system, in turns. Prints medians and the ratio to the plain file. About two minutes; needs root, fio, jq and e2fsprogs.
#   ./bench.sh writable [DIR] [CONFIG]     DIR: scratch, on the disk to measure (default: $TMPDIR); CONFIG: an OverlayBD device
#                                          configuration with room for 600 MiB (default: the golden stack)
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d -p "${1:-${TMPDIR:-/tmp}}")
config=$(readlink -f "${2:-../shared/golden/overlaybd/tar/stack3.config.v1.json}")
sluice=${SLUICE:-$PWD/$(./build.sh --native)}
clean() {
    for name in append sparse plain; do umount -l "$scratch/$name" 2>/dev/null || true; done
    sleep 2
    findmnt -rno TARGET | grep -F "$scratch/" | sort -r | xargs -r umount -l || true
    rm -rf --one-file-system "$scratch"
}
trap clean EXIT
trap 'exit 130' INT TERM
mkdir "$scratch"/{append,sparse,plain}
for kind in append sparse; do
    "$sluice" mount "overlaybd:$config" "$scratch/$kind" --root "$scratch/root-$kind" --state "$scratch/state-$kind" --upper "$scratch/upper-$kind" --upper-type $kind >/dev/null 2>&1
done
truncate -s 1G "$scratch/file"
mkfs.ext4 -q -O ^has_journal "$scratch/file"
loop=$(losetup --find --show --direct-io=on "$scratch/file")
mount -o discard "$loop" "$scratch/plain"
losetup -d "$loop" # goes with the mount

declare -A jobs=(
    ["1 MiB sequential write + fsync, MiB/s"]="--rw=write --bs=1m --size=128m --end_fsync=1 --time_based=0 bw_bytes write"
    ["4 KiB random write, direct, 1 job, IOPS"]="--rw=randwrite --bs=4k --size=64m --direct=1 iops write"
    ["4 KiB random write, direct, 8 deep, IOPS"]="--rw=randwrite --bs=4k --size=64m --direct=1 --ioengine=libaio --iodepth=8 iops write"
    ["4 KiB random write, fsync each, IOPS"]="--rw=randwrite --bs=4k --size=64m --fsync=1 iops write"
    ["4 KiB random read, direct, 1 job, IOPS"]="--rw=randread --bs=4k --size=64m --direct=1 iops read"
)
measure() { # name target
    local words=(${jobs[$1]}) n
    n=${#words[@]}
    fio --output-format=json --name=f --filename="$scratch/$2/bench" --randrepeat=1 --ioengine=psync --time_based=1 --runtime=2 "${words[@]:0:n-2}" |
        jq -r ".jobs[0].${words[n-1]}.${words[n-2]}"
}
for target in append sparse plain; do fio --output=/dev/null --name=f --filename="$scratch/$target/bench" --rw=write --bs=1m --size=128m --end_fsync=1; done
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors, Linux $(uname -r)"
printf '%-44s %12s %12s %12s %8s %8s\n' "" append sparse plain append/plain sparse/plain
for name in "${!jobs[@]}"; do
    declare -A seen=()
    for round in 1 2 3; do
        for target in append sparse plain; do seen[$target]+="$(measure "$name" $target) "; done
    done
    for target in append sparse plain; do seen[$target]=$(tr ' ' '\n' <<<"${seen[$target]}" | grep . | sort -g | sed -n 2p); done
    awk -v name="$name" -v a="${seen[append]}" -v s="${seen[sparse]}" -v p="${seen[plain]}" 'BEGIN {
        unit = name ~ /MiB\/s/ ? 1048576 : 1
        printf "%-44s %12.0f %12.0f %12.0f %8.2f %8.2f\n", name, a / unit, s / unit, p / unit, a / p, s / p }'
done
echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
