#!/usr/bin/env bash
# Installs the Debian packages that Sluice needs: `runtime` (quickstart) or `test` (everything the tests drive).
set -euo pipefail
runtime=(containerd runc skopeo buildah busybox-static mmdebstrap iproute2 ca-certificates curl liblz4-1 libzstd1 zlib1g)
test=("${runtime[@]}" docker-registry erofs-utils xfsprogs attr acl e2fsprogs fio jq zstd gcc libc6-dev python3 python3-lz4 python3-zstandard ethtool
      golang-go golang-github-containerd-containerd-dev systemd chromium)
case ${1:-runtime} in
    runtime) wanted=("${runtime[@]}") ;;
    test) wanted=("${test[@]}") ;;
    *) echo "usage: $0 [runtime|test]" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "missing Debian packages: ${missing[*]}" >&2
    echo "install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
