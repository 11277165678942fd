#!/usr/bin/env bash
# Cold starts over a shaped link: containerd's overlayfs beside Sluice, from nothing to the first useful answer.
#   ./bench.sh cold-start [--image redis,nodejs] [--link 100m,unshaped] [--snapshotter overlayfs,sluice] [--runs 5]
# Uses the rig in $SLUICE_BENCH_RIG (default ../shared/bench): real images, a registry and containerd in network namespaces.
# CONVERT_OPTIONS go to `sluice convert`; TAG names the converted image (default rafs).
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_BENCH_RIG=$(readlink -f "${SLUICE_BENCH_RIG:-../shared/bench}")
[ -d "$SLUICE_BENCH_RIG" ] || { echo "no bench rig: set SLUICE_BENCH_RIG" >&2; exit 1; }
. "$SLUICE_BENCH_RIG/env.sh"
./build.sh --publish >/dev/null
export SLUICE=$PWD/artifacts/sluice/sluice TAG=${TAG:-rafs}

images=redis,nodejs,wordpress,python
arguments=()
while [ $# -gt 0 ]; do
    if [ "$1" = --image ]; then images=$2; shift 2; else arguments+=("$1"); shift; fi
done

cleanup() {
    bench/start-sluice.sh stop || true
    "$SLUICE_BENCH_RIG/start-containerd.sh" stop || true
    "$SLUICE_BENCH_RIG/setup-registry.sh" stop || true
    "$SLUICE_BENCH_RIG/setup-netns.sh" down || true
}
trap cleanup EXIT
cleanup 2>/dev/null
"$SLUICE_BENCH_RIG/setup-netns.sh" up
"$SLUICE_BENCH_RIG/setup-registry.sh" start
for image in ${images//,/ }; do
    [ -d "$STACK/images/$image" ] || "$SLUICE_BENCH_RIG/make-images.sh" base "$image"
    tags=$(nsenter --net="/run/netns/$NS_CLI" curl -fs "http://$REG/v2/$image/tags/list" || true)
    grep -q '"latest"' <<<"$tags" || "$SLUICE_BENCH_RIG/setup-registry.sh" fill "$image"
    grep -q "\"$TAG\"" <<<"$tags" && [ -z "${RECONVERT:-}" ] ||
        nsenter --net="/run/netns/$NS_CLI" "$SLUICE" convert --plain-http ${CONVERT_OPTIONS:-} "docker://$REG/$image:latest" "docker://$REG/$image:$TAG"
done
python3 bench/cold_start.py --image "$images" --snapshotter overlayfs,sluice "${arguments[@]}"
