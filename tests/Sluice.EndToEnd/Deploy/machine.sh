#!/usr/bin/env bash
# A machine of its own for a test: pid, mount, cgroup, uts and ipc namespaces over a Debian directory that stays as it is, with its init as process 1.
# It shares the kernel and the network. Whoever kills this process ends everything in it.
#   machine.sh DEBIAN DIRECTORY INIT...
#   machine.sh --clean DIRECTORY            removes the cgroups of a machine that has ended
set -euo pipefail
stage=${MACHINE_STAGE:-begin}
case $stage in
begin)
    MACHINE_STAGE=outside exec unshare --mount --propagation private -- "$0" "$@"
    ;;
outside)
    # cgroup v2, wherever this host has it; the machine sees only its own part.
    if [ "$1" = --clean ]; then
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        find "/sys/fs/cgroup/$(basename "$2")" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        exit 0
    fi
    mkdir -p "$2/cgroup"
    mount -t cgroup2 cgroup2 "$2/cgroup"
    group=$2/cgroup/$(basename "$2")
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
    MACHINE_STAGE=inside exec unshare --pid --fork --kill-child --mount --propagation private --cgroup --uts --ipc -- "$0" "$@"
    ;;
inside)
    debian=$1 directory=$2 root=$2/root
    shift 2
    mkdir -p "$directory"/{root,upper,work}
    mount -t overlay machine -o "lowerdir=$debian,upperdir=$directory/upper,workdir=$directory/work" "$root"
    # Not on the overlay: snapshots are overlays themselves.
    cp -a "$debian/var/lib" "$directory/lib"
    mount --bind "$directory/lib" "$root/var/lib"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    hostname machine
    cd "$root"
    mkdir -p old
    pivot_root . old
    umount -l old
    # As systemd has it on a machine that it boots.
    mount --make-rshared /
    exec env -i container=machine PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ;;
esac
