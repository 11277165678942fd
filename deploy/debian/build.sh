#!/usr/bin/env bash
# Packs what `./build.sh --native` has made as a Debian package, reproducibly: the same input gives the same bytes.
#   deploy/debian/build.sh PUBLISHED OUTPUT.deb [VERSION]
# The version is the project's (Directory.Build.props) unless another is given. $SOURCE_DATE_EPOCH is the time of all files (default: that of the last commit).
set -euo pipefail
published=$(realpath "$1") output=$(realpath -m "$2")
cd "$(dirname "$0")/../.."
version=${3:-$(sed -nE 's|.*<Version>(.*)</Version>.*|\1|p' Directory.Build.props)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Directory.Build.props)}
umask 022
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"

# All settings, commented out, as the documentation has them.
configuration() {
    echo "# Nothing needs to be set. Every setting, with its default, or with an example where the default is said beside it. More: /usr/share/doc/sluice/configuration.md"
    awk '/^```/ { inside = !inside && /yaml/; next } inside' docs/configuration.md | sed -e 's/^\(.\)/#\1/' | cat -s
}

file() { install -D -m 644 "$1" "$tree/$2"; }

mkdir -p "$tree/usr/lib/sluice" "$tree/usr/bin"
cp -r --no-preserve=mode,ownership "$published/." "$tree/usr/lib/sluice"
rm -f "$tree"/usr/lib/sluice/*.dbg # for debuggers
chmod 755 "$tree/usr/lib/sluice/sluice"
ln -s ../lib/sluice/sluice "$tree/usr/bin/sluice"

file deploy/systemd/sluice.service lib/systemd/system/sluice.service
file deploy/systemd/sluice-keeper.service lib/systemd/system/sluice-keeper.service
file deploy/systemd/modules-load.conf usr/lib/modules-load.d/sluice.conf
mkdir -p "$tree/etc/sluice"
configuration >"$tree/etc/sluice/config.yaml"
for config in deploy/containerd/*.toml; do file "$config" "usr/share/sluice/containerd/$(basename "$config")"; done
install -D -m 755 deploy/kubernetes/prepare-node "$tree/usr/share/sluice/kubernetes/prepare-node"
file deploy/sluice.bash usr/share/bash-completion/completions/sluice
for document in README.md CHANGELOG.md SECURITY.md docs/*.md; do file "$document" "usr/share/doc/sluice/$(basename "$document")"; done
file deploy/debian/copyright usr/share/doc/sluice/copyright
mkdir -p "$tree/usr/share/man/man8"
deploy/debian/manual.sh "$tree/usr/lib/sluice/sluice" "$version" | gzip -9n >"$tree/usr/share/man/man8/sluice.8.gz"
chmod 644 "$tree/usr/share/man/man8/sluice.8.gz"

mkdir "$tree/DEBIAN"
size=$(find "$tree" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$size/" deploy/debian/control.in >"$tree/DEBIAN/control"
echo /etc/sluice/config.yaml >"$tree/DEBIAN/conffiles"
(cd "$tree" && find . -type f -not -path './DEBIAN/*' -not -path './etc/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
for script in preinst postinst prerm postrm; do install -m 755 "deploy/debian/$script" "$tree/DEBIAN/$script"; done
find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$(dirname "$output")"
# Debian 12 and newer read zstd, which takes seconds where xz takes a minute.
dpkg-deb --root-owner-group -Zzstd -z9 --build "$tree" "$output" >/dev/null
echo "$output"
