#!/usr/bin/env bash
# The cache and its quota: how much of the disk eight threads make it take at most, and the hits on recorded reads of programs against those of LRU.
# Needs root, as the disk is a loop device.
#   ./bench.sh quota
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build tests/Sluice.Storage.Tests -c Release -v quiet -nologo >/dev/null
echo "load $(cut -d ' ' -f 1-3 /proc/loadavg)"
artifacts/bin/Sluice.Storage.Tests/release/Sluice.Storage.Tests -noLogo -noColor -showLiveOutput \
    -class Sluice.Storage.Tests.Cache.QuotaTests -class Sluice.Storage.Tests.Cache.RecordedTraceTests | sed -n 's/.*\[OUTPUT\] //p; /FAIL/,$p' | sort -s -k 1,1
