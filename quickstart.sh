#!/usr/bin/env bash
# From nothing to a lazily started container: installs what is missing, builds, makes a real image from Debian packages, converts
# it, and starts it twice over the same 100 Mbit/s link: by an ordinary pull and by Sluice. Everything runs in a network namespace
# and a directory of its own and is removed at the end. Needs Debian 12, root and the .NET SDK.
#   LINK=1gbit ./quickstart.sh      another link speed; LINK= for none
#   KEEP=1 ./quickstart.sh          keeps the image for the next run
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" -eq 0 ] || { echo "quickstart.sh needs root: it mounts file systems and runs containers" >&2; exit 1; }
command -v dotnet >/dev/null || { echo "quickstart.sh needs the .NET SDK 10: https://dotnet.microsoft.com/download" >&2; exit 1; }

link=${LINK-100mbit}
work=${SLUICE_QUICKSTART_DIR:-/var/tmp/sluice-quickstart}
namespace=sluice-quickstart-$$
registry=127.0.0.1:5000
image=$registry/redis
started=()

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { nsenter --net="/run/netns/$namespace" "$@"; }
now() { date +%s%N; }

cleanup() {
    set +e
    for container in ordinary lazy; do
        run ctr -a "$work/containerd.sock" tasks kill -s SIGKILL $container
        run ctr -a "$work/containerd.sock" tasks rm -f $container
    done >/dev/null 2>&1
    # The daemon alone would leave its mounts to a successor.
    [ -x "${sluice:-}" ] && run timeout 60 "$sluice" umount --all --root "$work/sluice-root" --state "$work/run" >/dev/null 2>&1
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill "${started[i]}" 2>/dev/null
        timeout 20 tail --pid="${started[i]}" -f /dev/null || kill -9 "${started[i]}" 2>/dev/null
    done
    awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l
    ip netns del "$namespace" 2>/dev/null
    rm -rf "$work"/{containerd*,run,state,sluice-root,registry,oci}
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

background() { # LOG COMMAND...
    local log=$1
    shift
    setsid "$@" >"$work/$log" 2>&1 </dev/null &
    started+=($!)
}

wait_for() { # WHAT COMMAND...
    local what=$1 i
    shift
    for i in $(seq 150); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "$what did not start; its log is in $work" >&2
    tail -5 "$work"/*.log >&2
    trap - EXIT
    KEEP=1 cleanup
    exit 1
}

ready() { # until redis answers; prints nothing
    local i
    for i in $(seq 3000); do
        if exec 3<>/dev/tcp/127.0.0.1/6399; then
            printf 'PING\r\n' >&3
            read -r -t 5 answer <&3 || answer=
            exec 3>&- 3<&-
            [ "${answer%$'\r'}" = +PONG ] && return 0
        fi 2>/dev/null
        sleep 0.01
    done
    return 1
}
export -f ready

start_redis() { # SNAPSHOTTER IMAGE NAME
    run ctr -a "$work/containerd.sock" run -d --net-host --snapshotter "$1" "$2" "$3" \
        /usr/bin/redis-server --bind 127.0.0.1 --port 6399 --save ''
    run bash -c ready || { echo "redis did not answer in container $3" >&2; exit 1; }
}

stop_redis() {
    run ctr -a "$work/containerd.sock" tasks kill -s SIGKILL "$1" >/dev/null
    for _ in $(seq 50); do run ctr -a "$work/containerd.sock" tasks rm "$1" >/dev/null 2>&1 && break; sleep 0.1; done
    run ctr -a "$work/containerd.sock" containers rm "$1" >/dev/null
}

received() { run awk '$1 == "lo:" { print $2 }' /proc/net/dev; }

say "1. Install what is missing"
scripts/install-dependencies.sh runtime

say "2. Build"
./build.sh --publish
sluice=$PWD/artifacts/sluice/sluice

say "3. Make a real image from Debian packages (redis)"
mkdir -p "$work"
if [ ! -s "$work/redis.tar.gz" ]; then
    mmdebstrap --quiet --variant=minbase --include=redis-server bookworm "$work/redis.tar" /etc/apt/sources.list.d/debian.sources 2>"$work/mmdebstrap.log" ||
        mmdebstrap --quiet --variant=minbase --include=redis-server bookworm "$work/redis.tar"
    gzip -6 -n -c "$work/redis.tar" >"$work/redis.tar.gz.new"
    mv "$work/redis.tar.gz.new" "$work/redis.tar.gz"
    rm "$work/redis.tar"
fi
echo "$(du -h "$work/redis.tar.gz" | cut -f1) compressed"

say "4. Start our registry, containerd and the Sluice daemon in a network namespace of their own"
ip netns add "$namespace"
ip -n "$namespace" link set lo up
mkdir -p "$work/registry" "$work/run"
background registry.log nsenter --net="/run/netns/$namespace" "$sluice" registry serve "$work/registry" --listen "$registry"
wait_for "the registry" run curl -fs "http://$registry/v2/"
run skopeo copy -q --insecure-policy --dest-tls-verify=false "tarball:$work/redis.tar.gz" "docker://$image:latest"

cat >"$work/containerd.toml" <<TOML
version = 2
root = "$work/containerd"
state = "$work/containerd-run"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$work/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$work/containerd-opt"
[proxy_plugins.sluice]
  type = "snapshot"
  address = "$work/run/containerd.sock"
TOML
background sluice.log nsenter --net="/run/netns/$namespace" "$sluice" daemon --root "$work/sluice-root" --state "$work/run" --address "$work/run/containerd.sock"
wait_for "the Sluice daemon" test -S "$work/run/admin.sock"
background containerd.log nsenter --net="/run/netns/$namespace" containerd -c "$work/containerd.toml"
wait_for containerd run ctr -a "$work/containerd.sock" version

say "5. Convert: sluice convert docker://$image:latest docker://$image:rafs"
run "$sluice" convert "docker://$image:latest" "docker://$image:rafs"

if [ -n "$link" ]; then
    run tc qdisc add dev lo root tbf rate "$link" burst 256kb latency 200ms
    link_text="$link link"
else
    link_text="unshaped link"
fi

say "6. The ordinary way: pull everything, then start ($link_text)"
sync; echo 3 >/proc/sys/vm/drop_caches
bytes0=$(received) t0=$(now)
run ctr -a "$work/containerd.sock" images pull --plain-http "$image:latest" >/dev/null
t1=$(now)
start_redis overlayfs "$image:latest" ordinary
t2=$(now) bytes1=$(received)
stop_redis ordinary

say "7. The Sluice way: start, then download what is read ($link_text)"
sync; echo 3 >/proc/sys/vm/drop_caches
bytes2=$(received) t3=$(now)
run "$sluice" pull --admin-address "$work/run/admin.sock" --containerd-address "$work/containerd.sock" "$image:rafs" >/dev/null
t4=$(now)
start_redis sluice "$image:rafs" lazy
t5=$(now) bytes3=$(received)
stop_redis lazy

bar() { # MILLISECONDS PER_CHARACTER CHARACTER
    local n=$(( $1 / $2 ))
    [ "$n" -gt 0 ] || n=1
    printf "%${n}s" '' | tr ' ' "$3"
}
pull_a=$(( (t1 - t0) / 1000000 )) start_a=$(( (t2 - t1) / 1000000 ))
pull_b=$(( (t4 - t3) / 1000000 )) start_b=$(( (t5 - t4) / 1000000 ))
total_a=$((pull_a + start_a)) total_b=$((pull_b + start_b))
scale=$(( total_a / 60 + 1 ))
say "From nothing to redis answering PING, over a $link_text"
printf 'ordinary  %s%s %d.%03d s  (pull %d ms, start %d ms; %d MB over the wire)\n' "$(bar $pull_a $scale '=')" "$(bar $start_a $scale '#')" \
    $((total_a / 1000)) $((total_a % 1000)) $pull_a $start_a $(( (bytes1 - bytes0) / 1000000 ))
printf 'sluice    %s%s %d.%03d s  (pull %d ms, start %d ms; %d MB over the wire)\n' "$(bar $pull_b $scale '=')" "$(bar $start_b $scale '#')" \
    $((total_b / 1000)) $((total_b % 1000)) $pull_b $start_b $(( (bytes3 - bytes2) / 1000000 ))
printf '          = pull   # start to ready       %d.%d times faster\n' $((total_a / total_b)) $((total_a * 10 / total_b % 10))
