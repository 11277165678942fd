#!/usr/bin/env bash
# Builds everything, or with --publish only the `sluice` executable (ReadyToRun) into artifacts/sluice/.
set -euo pipefail
cd "$(dirname "$0")"
if [ "${1:-}" = --publish ]; then
    dotnet publish src/Sluice.Cli -c Release -r linux-x64 --no-self-contained -o artifacts/sluice -v quiet -nologo
    echo "artifacts/sluice/sluice"
else
    dotnet build Sluice.slnx -c Release -v quiet -nologo
fi
