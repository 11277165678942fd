#!/usr/bin/env bash
# Cold starts over a shaped link: containerd's overlayfs beside Sluice with RAFS and with block images, from nothing to the first useful answer.
#   ./bench.sh cold-start [--image redis,nodejs] [--link 100m,1g,unshaped] [--snapshotter overlayfs,rafs,overlaybd,overlaybd-lz4] [--runs 5] [--reference-runs 5] [--waste] [--page start.html]
#   ./bench.sh cold-start --modes   the same images, two links, without any plan: lazy RAFS and block images, and what policy makes of converted and ordinary images; against overlayfs; a quarter of an hour
#   ./bench.sh cold-start --all     six images, three links, RAFS with a plan beside it and inside of it; half an hour
# Uses the rig in $SLUICE_BENCH_RIG (default ../shared/bench): real images, a registry and containerd in network namespaces.
# What is no snapshotter of the rig is a tag: rafs and overlaybd are converted with the defaults, overlaybd-lz4 with LZ4 in 4 KiB, any other one with
# CONVERT_OPTIONS. RECONVERT=1 makes them again. With -plan behind it, a tag has the trace of one earlier start beside it, as an artifact in the registry:
# it is made by a start that is not counted, on a node that is emptied afterwards. With -trace, it is converted for such a start (convert --trace).
# With -auto or -eager, the daemon has that policy; latest-auto and latest-eager are the ordinary image.
# Of a cold start are printed: the pull, of it until the metadata was here; the start until the answer, of it the mount, from there to the container's first read (containerd and runc), what reads waited for data, and the rest,
# which is the program. The warm start is the third on that node. --waste: of plans, what was fetched ahead and not read. --page: the page of one more start of the last image, on the last link; its picture (.svg) and trace (.json) lie beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_BENCH_RIG=$(readlink -f "${SLUICE_BENCH_RIG:-../shared/bench}")
[ -d "$SLUICE_BENCH_RIG" ] || { echo "no bench rig: set SLUICE_BENCH_RIG" >&2; exit 1; }
. "$SLUICE_BENCH_RIG/env.sh"
export SLUICE=${SLUICE:-$PWD/$(./build.sh --native)} TAGS=

images=redis,nodejs,wordpress,python
snapshotters=overlayfs,rafs,overlaybd,overlaybd-lz4
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        --image) images=$2; shift 2 ;;
        --snapshotter) snapshotters=$2; shift 2 ;;
        --all) images=redis,nodejs,wordpress,python,java,postgres snapshotters=overlayfs,rafs-plan,rafs-trace arguments+=(--link 100m,1g,unshaped --runs 3 --reference-runs 1); shift ;;
        --modes) images=redis,nodejs,wordpress,python,java,postgres snapshotters=overlayfs,rafs,overlaybd,rafs-auto,rafs-eager,latest-eager arguments+=(--link 100m,unshaped --runs 1); shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done
for name in ${snapshotters//,/ }; do
    case $name in overlayfs | stargz) ;; *) TAGS+="$name " ;; esac
done

options() {
    case ${1%-plan} in
        rafs) ;;
        overlaybd) echo --format overlaybd ;;
        overlaybd-lz4) echo --format overlaybd --compressor lz4 ;;
        *) echo "${CONVERT_OPTIONS:-}" ;;
    esac
}

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
    for tag in $TAGS; do
        tag=${tag%-trace} # made by the script below, from that one
        tag=${tag%-auto} tag=${tag%-eager}
        [ "$tag" = latest ] && continue
        grep -q "\"$tag\"" <<<"$tags" && [ -z "${RECONVERT:-}" ] ||
            nsenter --net="/run/netns/$NS_CLI" "$SLUICE" convert --plain-http $(options "$tag") "docker://$REG/$image:latest" "docker://$REG/$image:$tag"
    done
done
python3 bench/cold_start.py --image "$images" --snapshotter "$snapshotters" "${arguments[@]}"
