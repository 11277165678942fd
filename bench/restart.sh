#!/usr/bin/env bash
# How long reads wait while systemd restarts the daemon's unit under load: a machine of its own, which systemd boots, with the Debian package; a container of each format reads,
# one writes to a disk of its own, and two readers read what is in no page cache. Of each restart the longest wait counts, from `systemctl restart sluice` or the read's beginning to its answer.
# Needs root and what the tests need.
#   ./bench.sh restart [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build tests/Sluice.EndToEnd -c Release -v quiet -nologo
SLUICE_BENCH_ROUNDS=${1:-20} artifacts/bin/Sluice.EndToEnd/release/Sluice.EndToEnd -noLogo -noColor -explicit only -showLiveOutput -method '*.Restarts_by_systemd_under_load' | grep -E "restarts by systemd|FAIL|Failed: [1-9]" -A3
