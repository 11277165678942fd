#!/usr/bin/env bash
# Runs the tests and prints `N passed, N failed, N skipped` as its last line.
#   ./test.sh          everything: needs root (FUSE, EROFS, loop, containerd); installs the Debian packages it drives
#   ./test.sh --fast   the inner loop: no root, no containers, under a minute
#   ./test.sh NAME     one test project, e.g. Formats or EndToEnd
set -uo pipefail
cd "$(dirname "$0")"
all=(Formats Storage Build Registry Kernel Containerd Node EndToEnd)
export SLUICE_TEST_FAST=
case ${1:-} in
    --fast) projects=(Formats Storage Build Registry); export SLUICE_TEST_FAST=1 ;;
    "") projects=("${all[@]}") ;;
    *) projects=("$@") ;;
esac
[ -n "$SLUICE_TEST_FAST" ] || scripts/install-dependencies.sh test || exit 1

# Two tests of EndToEnd run at a time: they wait most of the time.
parallel() { [ "$1" = EndToEnd ] && echo collections || echo none; }
name() { [ "$1" = EndToEnd ] && echo Sluice.EndToEnd || echo "Sluice.$1.Tests"; }
if [ ${#projects[@]} -gt 1 ] && [ -z "$SLUICE_TEST_FAST" ]; then
    dotnet build Sluice.slnx -c Release -v quiet -nologo || exit 1
else
    for project in "${projects[@]}"; do
        dotnet build "tests/$(name "$project")" -c Release -v quiet -nologo || exit 1
    done
fi

passed=0 failed=0 skipped=0 status=0
for project in "${projects[@]}"; do
    executable=artifacts/bin/$(name "$project")/release/$(name "$project")
    echo "== $(name "$project")"
    log=$(mktemp)
    timeout --kill-after=30 "${SLUICE_TEST_TIMEOUT:-3300}" "$executable" -noLogo -noColor -parallel "${SLUICE_TEST_PARALLEL:-$(parallel "$project")}" 2>&1 | tee "$log"
    result=${PIPESTATUS[0]}
    summary=$(grep -E 'Total: [0-9]+' "$log" | tail -1)
    rm -f "$log"
    count() { sed -nE "s/.*$1: ([0-9]+).*/\1/p" <<<"$summary"; }
    if [ -z "$summary" ]; then
        echo "$(name "$project"): no summary, exit code $result" >&2
        failed=$((failed + 1)) status=1
        continue
    fi
    bad=$(( $(count Failed) + $(count Errors) ))
    passed=$((passed + $(count Total) - bad - $(count Skipped)))
    failed=$((failed + bad)) skipped=$((skipped + $(count Skipped)))
    [ "$result" -eq 0 ] || status=1
done
[ "$failed" -eq 0 ] || status=1
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
