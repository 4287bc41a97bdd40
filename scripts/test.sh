#!/usr/bin/env bash
# Runs all tests and says at the end what was skipped, and why. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."

tags=containers_image_openpgp,exclude_graphdriver_btrfs
mkdir -p bin
log=bin/test.log
export CGO_ENABLED=1

# One agent for all test binaries, with the small ones beside it. The consumer's test builds its own, as an importer's tests do.
(cd agent && go build -tags "$tags" -o ../bin/ ./cmd/...)
export CAISSON_AGENT="$PWD/bin/caisson-agent"

# A module after the other, since two would overload the machine; the longest packages begin first.
status=0
: >"$log"
run() { # DIRECTORY PACKAGES...
	(cd "$1" && shift && go test -v -tags "$tags" -timeout 25m "$@") >>"$log" 2>&1 || status=$?
}
run . "$@" ./container ./image ./dockertest ./...
run agent "$@" ./...
run examples/cli "$@" ./...
run dockerapi "$@" ./...
run dockerapi/internal/clienttest "$@" ./...
grep -aE '^(ok|FAIL|panic:|\?)|^ *--- FAIL' "$log" || true
if [ "$status" -ne 0 ]; then
	echo
	echo "What failed:"
	grep -aE -B40 -A5 '^ *--- FAIL|^panic:|build failed|\[setup failed\]|DATA RACE' "$log" | head -n 600
fi
skipped=$(awk -f scripts/skipped.awk "$log")
if [ -n "$skipped" ]; then
	echo
	echo "Skipped, by what was lacking:"
	echo "$skipped"
fi
waits=$(grep -aqE "the tests hang after|^panic: test timed out" "$log" && awk -f scripts/waits.awk "$log" || true)
if [ -n "$waits" ]; then
	echo
	echo "Where goroutines stood:"
	echo "$waits" | sort | head -n 40
fi
failed=$(grep -aE '^ *--- FAIL|^panic:' "$log" || true)
if [ -n "$failed" ]; then
	echo
	echo "Failed, in short:"
	echo "$failed"
fi
exit "$status"
