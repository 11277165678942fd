#!/usr/bin/env bash
# Converts an image from layout to layout, beside the reference: its layers through `zcat | zstd -3 -T2`. Prints wall times, the ratio
# (and the speed in uncompressed tar) and the converter's peak memory. Both are run alternately; the medians count.
#   ./bench.sh convert [IMAGE] [RUNS] [FORMAT] [OPTION...]     IMAGE: a layout of the rig (default wordpress); FORMAT: rafs (default)
#                                                              or overlaybd; options of sluice convert (default --jobs 2)
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_BENCH_RIG=$(readlink -f "${SLUICE_BENCH_RIG:-../shared/bench}")
. "$SLUICE_BENCH_RIG/env.sh"
image=${1:-wordpress} runs=${2:-3} format=${3:-rafs}
shift $(( $# > 3 ? 3 : $# ))
options=("$@")
[ $# -gt 0 ] || options=(--jobs 2)
layout=$STACK/images/$image
[ -d "$layout" ] || "$SLUICE_BENCH_RIG/make-images.sh" base "$image"
sluice=${SLUICE:-$PWD/$(./build.sh --native)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
manifest=$(jq -r '.manifests[0].digest' "$layout/index.json")
mapfile -t layers < <(jq -r '.layers[].digest' "$layout/blobs/${manifest/://}")
files=()
for layer in "${layers[@]}"; do files+=("$layout/blobs/${layer/://}"); done
plain=$(zcat "${files[@]}" | wc -c)
cat "${files[@]}" >/dev/null # both find the source in the page cache

wall() { # COMMAND...: seconds, and the peak memory in MiB of the largest process
    /usr/bin/env python3 -c '
import resource, subprocess, sys, time
t = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print("%.2f %d" % (time.monotonic() - t, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))' "$@"
}
median() { sort -n | sed -n "$(( (runs + 1) / 2 ))p"; }

ours=() reference=() memory=0
for _ in $(seq "$runs"); do
    rm -rf "$scratch/out"
    read -r seconds peak < <(wall "$sluice" convert --format "$format" "${options[@]}" "oci:$layout:latest" "oci:$scratch/out:$format")
    ours+=("$seconds")
    [ "$peak" -le "$memory" ] || memory=$peak
    read -r seconds _ < <(wall bash -c 'zcat "$@" | zstd -q -3 -T2 -f -o "$0"' "$scratch/reference.zst" "${files[@]}")
    reference+=("$seconds")
done
a=$(printf '%s\n' "${ours[@]}" | median) b=$(printf '%s\n' "${reference[@]}" | median)
size=$(cat "$scratch"/out/blobs/sha256/* | wc -c)
awk -v image="$image" -v format="$format ${options[*]}" -v plain="$plain" -v size="$size" -v a="$a" -v b="$b" -v m="$memory" 'BEGIN {
    printf "%s: convert (%s) %.2f s, %.0f MB/s of tar, %.1f MB stored; zcat | zstd -3 -T2 %.2f s, ratio %.2f; peak memory of convert %d MiB\n",
        image, format, a, plain / a / 1e6, size / 1e6, b, a / b, m }'
