#!/usr/bin/env bash
# Every kind of registry fault with many seeds, on both kinds of disks, through the real read path: what was read, and how long the longest read took.
#   ./bench.sh faults [--seeds N]     N: 20
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=20
while [ $# -gt 0 ]; do
    case $1 in
        --seeds) seeds=${2:?--seeds needs a number}; shift 2 ;;
        *) echo "usage: ./bench.sh faults [--seeds N]" >&2; exit 2 ;;
    esac
done
dotnet build tests/Sluice.Storage.Tests -c Release -v quiet -nologo >/dev/null
table=$(mktemp)
trap 'rm -f "$table"' EXIT
status=0
SLUICE_FAULT_SEEDS=$seeds SLUICE_FAULT_TABLE=$table artifacts/bin/Sluice.Storage.Tests/release/Sluice.Storage.Tests \
    -noLogo -noColor -class Sluice.Storage.Tests.Sources.Faults.FaultTests | sed -n '/FAIL/,$p' || status=$?
awk -F '\t' '
    { if (!($1 in cases)) order[++kinds] = $1; cases[$1]++; right[$1] += $4; named[$1] += $5; if ($6 > longest[$1]) longest[$1] = $6 }
    END {
        printf "%-40s %6s %12s %13s %9s\n", "kind", "cases", "right bytes", "named errors", "longest"
        for (i = 1; i <= kinds; i++) { k = order[i]; printf "%-40s %6d %12d %13d %7.2f s\n", k, cases[k], right[k], named[k], longest[k] }
    }' "$table"
exit "$status"
