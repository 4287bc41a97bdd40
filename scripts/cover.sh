#!/usr/bin/env bash
# Measures which statements all tests execute: those of the packages in the tests' processes, and those of the agent, which
# writes its counters when it ends. An agent that a test kills writes none. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."

tags=containers_image_openpgp,exclude_graphdriver_btrfs
out="$PWD/bin/cover"
rm -rf "$out"
mkdir -p "$out/agent" "$out/tests"
chmod 1777 "$out/agent"
export CGO_ENABLED=1
ours=github.com/caisson-dev/caisson/...
cd agent # the small binaries execute other programs and write no counters; they must have the agent's tags
go build -tags "$tags,agentcover" -o "$out/" ./cmd/...
go build -tags "$tags,agentcover" -cover -coverpkg="$ours" -o "$out/caisson-agent" ./cmd/caisson-agent
cd ..
export CAISSON_AGENT="$out/caisson-agent"

status=0
for module in . agent examples/cli; do
	# go test gives its own directory to the processes that a test starts, unless env says otherwise behind it.
	(cd "$module" && go test -tags "$tags" -timeout 30m -exec "env GOCOVERDIR=$out/agent" \
		-cover -coverpkg="$ours" "$@" ./... -args -test.gocoverdir="$out/tests") || status=$?
done
go tool covdata textfmt -i="$out/agent,$out/tests" -o="$out/profile.txt"
awk '
	/^mode:/ { next }
	{ n = $2; if (!($1 in size)) size[$1] = n; if ($3 > 0) hit[$1] = 1 }
	END {
		for (b in size) {
			file = b; sub(/:.*/, "", file); dir = file; sub(/\/[^\/]*$/, "", dir)
			if (dir ~ /testenv|deptest|bench|examples\/[^c]/) continue
			all[dir] += size[b]; total += size[b]
			if (b in hit) { got[dir] += size[b]; covered += size[b] }
		}
		for (d in all) printf "%5.1f %%  %5d  %s\n", 100 * got[d] / all[d], all[d], d | "sort -k4"
		close("sort -k4")
		printf "%5.1f %%  %5d  all\n", 100 * covered / total, total
	}' "$out/profile.txt"
exit "$status"
