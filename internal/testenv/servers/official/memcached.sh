#!/bin/sh
# What the entrypoint of the official image does.
set -e
if [ "${1#-}" != "$1" ]; then
	set -- memcached "$@"
fi
exec "$@"
