#!/usr/bin/env bash
# Builds everything.
#   --publish   only the `sluice` executable (ReadyToRun) into artifacts/sluice/; it needs the .NET runtime
#   --deb       a Debian package with the runtime in it: artifacts/sluice_VERSION_amd64.deb
set -euo pipefail
cd "$(dirname "$0")"
case ${1:-} in
    --publish)
        dotnet publish src/Sluice.Cli -c Release -r linux-x64 --no-self-contained -o artifacts/sluice -v quiet -nologo
        echo "artifacts/sluice/sluice"
        ;;
    --deb)
        # PathMap: the same bytes wherever it is built. The analyzers have their say in the ordinary build.
        dotnet publish src/Sluice.Cli -c Release -r linux-x64 --self-contained -o artifacts/self-contained -v quiet -nologo -p:PathMap="$PWD=/sluice" -p:RunAnalyzers=false
        version=$(sed -nE 's|.*<Version>(.*)</Version>.*|\1|p' Directory.Build.props)
        deploy/debian/build.sh artifacts/self-contained "artifacts/sluice_${version}_amd64.deb"
        ;;
    *) dotnet build Sluice.slnx -c Release -v quiet -nologo ;;
esac
