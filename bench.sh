#!/usr/bin/env bash
# Benchmarks. Each prints its figure beside a reference measured in the same run.
#   ./bench.sh NAME [ARGS]     names: see bench/README.md
set -euo pipefail
cd "$(dirname "$0")"
case ${1:-} in
    cold-start) shift; exec bench/cold-start.sh "$@" ;;
    convert) shift; exec bench/convert.sh "$@" ;;
    writable) shift; exec bench/writable.sh "$@" ;;
    faults) shift; exec bench/faults.sh "$@" ;;
    tokens) shift; exec bench/tokens.sh "$@" ;;
    quota) shift; exec bench/quota.sh "$@" ;;
    doctor) shift; exec bench/doctor.sh "$@" ;;
    soak) shift; exec bench/soak.sh "$@" ;;
    chaos) shift; exec bench/chaos.sh "$@" ;;
    restart) shift; exec bench/restart.sh "$@" ;;
    ready) shift; exec bench/ready.sh "$@" ;;
    reboot) shift; exec bench/reboot.sh "$@" ;;
    warm) shift; exec bench/warm.sh "$@" ;;
    eager) shift; exec bench/eager.sh "$@" ;;
    block-reads) # also measures how a process starts: with the code that is shipped, compiled ahead
        dotnet publish bench/Sluice.Bench -c Release -r linux-x64 --no-self-contained -p:PublishReadyToRun=true -o artifacts/bench -v quiet -nologo
        exec artifacts/bench/Sluice.Bench "$@" ;;
    "") echo "usage: ./bench.sh NAME [ARGS]; see bench/README.md" >&2; exit 2 ;;
esac
dotnet build bench/Sluice.Bench -c Release -v quiet -nologo
exec artifacts/bin/Sluice.Bench/release/Sluice.Bench "$@"
