#!/usr/bin/env bash
# Reads all the time with tokens that last two seconds; any error ends it.
#   ./bench.sh tokens [SECONDS]     SECONDS: 300
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build tests/Sluice.Storage.Tests -c Release -v quiet -nologo >/dev/null
SLUICE_TOKEN_SECONDS=${1:-300} artifacts/bin/Sluice.Storage.Tests/release/Sluice.Storage.Tests \
    -noLogo -noColor -showLiveOutput -class Sluice.Storage.Tests.Sources.Credentials.TokenRunTests
