#!/usr/bin/env bash
# An ordinary image, from nothing to unpacked, unshaped: pulled by containerd for its own overlayfs, and by Sluice with the policy eager. In turns, from the same registry, which has the blobs in
# memory; the medians count.
#   ./bench.sh eager [IMAGE] [RUNS]     IMAGE: a layout of the rig (default python), or the path of an OCI layout (tag latest)
# SLUICE=PROGRAM measures another build than the package's. EAGER_DISK=memory: all of it lies on a fresh ext4 in memory, as on a node that was just made, with a disk that is no hindrance; on one that
# is old and full, the kernel's search for free inodes is most of what either does.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:-python} runs=${2:-5}
if [ -d "$image" ]; then
    layout=$(readlink -f "$image") image=$(basename "$image")
else
    export SLUICE_BENCH_RIG=$(readlink -f "${SLUICE_BENCH_RIG:-../shared/bench}")
    . "$SLUICE_BENCH_RIG/env.sh"
    layout=$STACK/images/$image
    [ -d "$layout" ] || "$SLUICE_BENCH_RIG/make-images.sh" base "$image"
fi
if [ -z "${SLUICE:-}" ]; then
    ./build.sh --native >/dev/null
    SLUICE=$PWD/artifacts/native/sluice
fi
scratch=$(mktemp -d /var/tmp/sluice-eager.XXXXXX)
started=() memory=
clean() {
    set +e
    "$SLUICE" umount --all --root "$scratch/root" --state "$scratch/state" >/dev/null 2>&1
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill "${started[i]}" 2>/dev/null
        timeout 20 tail --pid="${started[i]}" -f /dev/null || kill -9 "${started[i]}" 2>/dev/null
    done
    findmnt -rno TARGET | grep -F "$scratch/" | sort -r | xargs -r umount -l
    [ -z "$memory" ] || { umount -l "$scratch"; rm -f "$memory"; }
    rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 130' INT TERM
if [ "${EAGER_DISK:-}" = memory ]; then
    memory=$(mktemp /dev/shm/sluice-eager.XXXXXX)
    truncate -s 8G "$memory"
    mkfs.ext4 -q "$memory"
    mount -o loop "$memory" "$scratch"
fi

background() { # LOG COMMAND...
    local log=$1
    shift
    setsid "$@" >"$scratch/$log" 2>&1 </dev/null &
    started+=($!)
}
wait_for() { # COMMAND...
    for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "did not start: $*" >&2
    tail -n 5 "$scratch"/*.log >&2
    exit 1
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

registry=127.0.0.1:$(free_port) name=
mkdir -p "$scratch"/{registry,state}
background registry.log "$SLUICE" registry serve "$scratch/registry" --listen "$registry"
wait_for curl -fs "http://$registry/v2/"
name=$registry/$image:latest
skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$layout:latest" "docker://$name"
cat >"$scratch/containerd.toml" <<TOML
version = 2
root = "$scratch/containerd"
state = "$scratch/containerd-run"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$scratch/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$scratch/containerd-opt"
[proxy_plugins.sluice]
  type = "snapshot"
  address = "$scratch/state/containerd.sock"
TOML
printf 'policies:\n  "*": eager\n' >"$scratch/config.yaml"
background sluice.log "$SLUICE" daemon --config "$scratch/config.yaml" --root "$scratch/root" --state "$scratch/state"
wait_for test -S "$scratch/state/admin.sock"
background containerd.log containerd -c "$scratch/containerd.toml"
wait_for ctr -a "$scratch/containerd.sock" version

pull() { # SNAPSHOTTER: seconds
    find "$scratch/registry" -type f -exec cat {} + >/dev/null # the registry has it at hand: it is not what is measured
    local began=$EPOCHREALTIME
    case $1 in
        overlayfs) ctr -a "$scratch/containerd.sock" images pull --plain-http --snapshotter overlayfs "$name" ;;
        sluice) "$SLUICE" pull --admin-address "$scratch/state/admin.sock" --containerd-address "$scratch/containerd.sock" "$name" ;;
    esac >/dev/null
    awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }'
    ctr -a "$scratch/containerd.sock" images rm --sync "$name" >/dev/null
}
median() { sort -n | sed -n "$(( (runs + 1) / 2 ))p"; }

echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors, containerd $(containerd --version | cut -d' ' -f3), unpigz $(command -v unpigz >/dev/null && echo "there" || echo "not there")"
for snapshotter in overlayfs sluice; do pull $snapshotter >/dev/null; done # warm
reference=() ours=()
for _ in $(seq "$runs"); do
    reference+=("$(pull overlayfs)")
    ours+=("$(pull sluice)")
done
grep -F "left to containerd" "$scratch/sluice.log" && exit 1
a=$(printf '%s\n' "${reference[@]}" | median) b=$(printf '%s\n' "${ours[@]}" | median)
manifest=$(jq -r '.manifests[0].digest' "$layout/index.json")
jq '.layers[].size' "$layout/blobs/${manifest/://}" | awk -v image="$image" -v a="$a" -v b="$b" -v all="overlayfs ${reference[*]}; sluice ${ours[*]}" '{ n++; size += $1 } END {
    printf "%s: %d layers, %.1f MB; containerd overlayfs %.2f s, sluice eager %.2f s, ratio %.2f (%s)\n", image, n, size / 1e6, a, b, a / b, all }'
echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
