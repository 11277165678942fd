#!/usr/bin/env bash
# Builds everything.
#   --publish   only the `sluice` executable (ReadyToRun) into artifacts/sluice/; it needs the .NET runtime
#   --native    the executable compiled as a whole into artifacts/native/; it needs no runtime, starts faster, and takes minutes to build. Needs gcc
#   --deb       a Debian package of that: artifacts/sluice_VERSION_amd64.deb
set -euo pipefail
cd "$(dirname "$0")"
case ${1:-} in
    --publish)
        dotnet publish src/Sluice.Cli -c Release -r linux-x64 --no-self-contained -o artifacts/sluice -v quiet -nologo
        echo "artifacts/sluice/sluice"
        ;;
    --native)
        # Apart from other builds, whose options differ. PathMap: the same bytes wherever it is built. The analyzers have their say in the ordinary build.
        dotnet publish src/Sluice.Cli -c Release -r linux-x64 -o artifacts/native -v quiet -nologo -p:Native=true -p:ArtifactsPath="$PWD/artifacts/native-build" -p:PathMap="$PWD=/sluice" -p:RunAnalyzers=false
        rm -f artifacts/native/*.pdb
        echo "artifacts/native/sluice"
        ;;
    --deb)
        ./build.sh --native >/dev/null
        version=$(sed -nE 's|.*<Version>(.*)</Version>.*|\1|p' Directory.Build.props)
        deploy/debian/build.sh artifacts/native "artifacts/sluice_${version}_amd64.deb"
        ;;
    *) dotnet build Sluice.slnx -c Release -v quiet -nologo ;;
esac
