#!/usr/bin/env bash
# sluice doctor: seeds one misconfiguration after the other on a node that has none, and prints what was found of each, and how many.
#   ./bench.sh doctor
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build tests/Sluice.Node.Tests -c Release -v quiet -nologo >/dev/null
artifacts/bin/Sluice.Node.Tests/release/Sluice.Node.Tests -noLogo -noColor -showLiveOutput -class Sluice.Node.Tests.Doctor.NodeDoctorTests | sed -n 's/.*\[OUTPUT\] //p; /FAIL/,$p' |
    awk -F ' -> ' 'NF < 2 { print; next } { printf "%-45s %s\n", $1, $2; found++; kinds[$2] = 1 } END { printf "%d misconfigurations found, each and nothing else; %d kinds of findings\n", found, length(kinds) }'
