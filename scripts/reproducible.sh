#!/usr/bin/env bash
# Builds the agents of a release twice, in two directories, and compares all that is published bit for bit; then starts
# them where there is nothing else. ARCHS has the architectures: amd64,arm64 by default. With -short the second build takes
# compiled packages from the first one's cache, for this machine's architecture alone.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v0.0.0
archs=${ARCHS:-amd64,arm64}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
second="$work/cache"
if [ "${1:-}" = -short ]; then
	archs=$(go env GOHOSTARCH)
	second=$(go env GOCACHE)
fi
mkdir -p "$work/1/tmp" "$work/another/place/tmp"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/another/place"

build() { # CHECKOUT OUT GOCACHE
	(cd "$1/agent" && TMPDIR="$2/tmp" GOCACHE="$3" go run ./internal/release/binaries -checkout .. -out "$2" -arch "$archs" "$version" >"$2/pins")
}
build "$PWD" "$work/1" "$(go env GOCACHE)"
build "$work/another/place" "$work/another/place" "$second"
cmp "$work/1/pins" "$work/another/place/pins"
cmp "$work/1/$version/SHA256SUMS" "$work/another/place/$version/SHA256SUMS"
(cd "$work/1/$version" && sha256sum --quiet -c SHA256SUMS)
echo "both builds are equal:"
cat "$work/1/$version/SHA256SUMS"

run() { if [ "$(id -u)" = 0 ]; then "$@"; else unshare -r "$@"; fi; }
for arch in ${archs//,/ }; do
	dir="$work/1/$version/agent-linux-$arch"
	case $arch in
	"$(go env GOHOSTARCH)") said=$(run chroot "$dir" /caisson-agent version) ;; # nothing but the module's files is there
	arm64) said=$(qemu-aarch64 "$dir/caisson-agent" version) ;;
	*) said=$(qemu-x86_64 "$dir/caisson-agent" version) ;;
	esac
	[ "$said" = "$version" ] || { echo "the agent for $arch says $said"; exit 1; }
	echo "the agent for $arch starts"
done
