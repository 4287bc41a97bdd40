#!/bin/sh
# What the entrypoint of the official image does.
set -e
if [ "$(id -u)" = 0 ]; then
	chown -R mosquitto:mosquitto /mosquitto
fi
exec "$@"
