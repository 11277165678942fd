#!/usr/bin/env bash
# Writes sluice(8) from what the program says about itself.
#   deploy/debian/manual.sh SLUICE VERSION
set -euo pipefail
sluice=$1 version=$2

# Lines that troff would take for its own, and its escapes.
verbatim() { printf '.nf\n'; sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; printf '.fi\n'; }
help() { "$sluice" "$@" --help | sed -e 's/[[:space:]]*$//' | cat -s; }
commands() { help "$@" | sed -n '/^Commands:/,$p' | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p'; }

cat <<TROFF
.TH SLUICE 8 "" "Sluice $version" "System administration"
.SH NAME
sluice \- starts containers before their images are downloaded
.SH DESCRIPTION
Sluice mounts images of containers at once and fetches what is read, when it is read, verified, into a cache that all containers of the node share.
What follows is what the program answers to \-\-help; more is in /usr/share/doc/sluice.
.SH COMMANDS
TROFF
help | sed -n '/^Commands:/,$p' | tail -n +2 | verbatim
for command in $(commands); do
    printf '.SH "SLUICE %s"\n' "${command^^}"
    help "$command" | verbatim
    for below in $(commands "$command"); do
        printf '.SS "sluice %s %s"\n' "$command" "$below"
        help "$command" "$below" | verbatim
    done
done
cat <<'TROFF'
.SH FILES
.TP
/etc/sluice/config.yaml
the one configuration file; /usr/share/doc/sluice/configuration.md
.TP
/var/lib/sluice
persistent state: the cache, metadata of images, snapshots
.TP
/run/sluice
volatile state: sockets and mounts
.TP
/usr/share/sluice/containerd
drop-ins for containerd
TROFF
