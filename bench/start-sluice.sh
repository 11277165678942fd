#!/usr/bin/env bash
# start-sluice.sh start|stop: a Sluice daemon for the cold-start rig, in the rig's client namespace.
set -euo pipefail
. "$SLUICE_BENCH_RIG/env.sh"
pid_file=$STACK/run/sluice.pid
case $1 in
    start)
        mkdir -p "$STACK/run/sluice"
        policy=()
        if [ -n "${SLUICE_POLICY:-}" ]; then
            printf 'policies:\n  "*": %s\n' "$SLUICE_POLICY" >"$STACK/run/sluice.yaml"
            policy=(--config "$STACK/run/sluice.yaml")
        fi
        setsid nsenter --net="/run/netns/$NS_CLI" "$SLUICE" daemon --root "$STACK/ctrd/sluice" --state "$STACK/run/sluice" \
            --address "$STACK/run/sluice/containerd.sock" "${policy[@]}" ${SLUICE_DAEMON_OPTIONS---plain-http} >"$STACK/log/sluice.log" 2>&1 </dev/null &
        echo $! >"$pid_file"
        for _ in $(seq 100); do [ -S "$STACK/run/sluice/admin.sock" ] && exit 0; sleep 0.05; done
        tail -5 "$STACK/log/sluice.log" >&2
        exit 1 ;;
    stop)
        [ -f "$pid_file" ] || exit 0
        pid=$(cat "$pid_file")
        awk -v a="$STACK/ctrd/" -v b="$STACK/run/containerd/" 'index($2, a) == 1 || index($2, b) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l
        "$SLUICE" umount --all --root "$STACK/ctrd/sluice" --state "$STACK/run/sluice" >/dev/null 2>&1 || kill "$pid" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
        awk -v a="$STACK/run/sluice/" 'index($2, a) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l
        rm -f "$pid_file" ;;
esac
