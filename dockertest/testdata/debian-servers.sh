#!/bin/sh
# Makes the root file system that TestRealServers runs: Debian with PostgreSQL and Redis. As root, with debootstrap:
#
#	dockertest/testdata/debian-servers.sh /tmp/servers.tar
#	CAISSON_TEST_DEBIAN=/tmp/servers.tar go test -run TestRealServers ./dockertest
set -eu
out=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
debootstrap --variant=minbase --include=postgresql,redis-server stable "$dir/root" >&2
rm -rf "$dir"/root/var/cache/apt/* "$dir"/root/var/lib/apt/lists/* "$dir"/root/var/lib/postgresql/*/main
tar -C "$dir/root" --numeric-owner -cf "$out" .
