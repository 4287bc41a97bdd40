#!/bin/sh
# What the entrypoint of the official image does, as far as its documentation promises it.
set -e
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
if [ "${1#-}" != "$1" ]; then
	set -- mariadbd "$@"
fi
if [ "$1" != mariadbd ]; then
	exec "$@"
fi
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$data" /run/mysqld
	chown -R mysql "$data" /run/mysqld
	exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi
if [ ! -d "$data/mysql" ]; then
	if [ -z "$MYSQL_ROOT_PASSWORD" ]; then
		echo "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified" >&2
		exit 1
	fi
	share=/usr/share/mysql
	{
		printf '%s;\n' "create database mysql" "use mysql" "set @auth_root_socket=NULL" # which reads a statement a line
		cat $share/mysql_system_tables.sql $share/mysql_performance_tables.sql $share/mysql_system_tables_data.sql
	} | mariadbd --no-defaults --bootstrap --datadir="$data" --enforce-storage-engine= --max_allowed_packet=8M --log-warnings=0
	# The server that sets up listens on its socket alone.
	"$@" --skip-networking --socket="$socket" &
	pid=$!
	until mariadb -uroot --socket="$socket" -e "select 1" >/dev/null 2>&1; do
		kill -0 "$pid"
		sleep 0.1
	done
	{
		echo "create user 'root'@'%' identified by '$MYSQL_ROOT_PASSWORD'; grant all on *.* to 'root'@'%' with grant option;"
		if [ -n "$MYSQL_DATABASE" ]; then echo "create database \`$MYSQL_DATABASE\`;"; fi
		if [ -n "$MYSQL_USER" ]; then
			echo "create user '$MYSQL_USER'@'%' identified by '$MYSQL_PASSWORD'; grant all on \`$MYSQL_DATABASE\`.* to '$MYSQL_USER'@'%';"
		fi
		echo "delete from mysql.global_priv where user = '';" # nobody without a name
		echo "flush privileges;"
	} | mariadb -uroot --socket="$socket"
	for f in /docker-entrypoint-initdb.d/*; do
		case "$f" in
		*.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;;
		*.sql) mariadb -uroot --socket="$socket" "$MYSQL_DATABASE" <"$f" ;;
		esac
	done
	kill "$pid"
	wait "$pid"
fi
exec "$@"
