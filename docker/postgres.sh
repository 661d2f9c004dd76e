#!/bin/sh
# PostgreSQL with one database and one account, both called psap112; the password is a secret's.
set -eu
store=/var/lib/postgresql
major=17
data=$store/$major
secret=/run/secrets/database_password

refuse() {
	echo "112: $1" >&2
	exit 1
}

password=$(head -n 1 "$secret") || refuse "$secret: tidak terbaca / cannot be read"
case $password in
'' | *[!A-Za-z0-9_-]*) refuse "$secret: hanya huruf, angka, - dan _ / letters, digits, - and _ only" ;;
esac

sql() { # folder: statements from standard input, a line each, before the server runs
	postgres --single -c exit_on_error=on -c log_statement=none -D "$1" postgres >/dev/null
}

if [ ! -e "$data" ]; then
	for other in "$store"/[0-9]*; do
		case $other in *.part | "$store/[0-9]*") continue ;; esac
		refuse "$other: versi lain, lihat docs/containers.md / another version's data, see docs/containers.md"
	done
	rm -rf "$data.part" # an earlier beginning that was cut off
	initdb --pgdata="$data.part" --username=postgres --auth=reject --encoding=UTF8 --locale=C.UTF-8 \
		--data-checksums --no-instructions >/dev/null
	cat >"$data.part/pg_hba.conf" <<-HBA
		local psap112 psap112 scram-sha-256
		local all postgres peer
	HBA
	printf '%s\n' "CREATE ROLE psap112 LOGIN" "CREATE DATABASE psap112 OWNER psap112" | sql "$data.part"
	mv "$data.part" "$data"
fi
if [ -e "$data/postmaster.pid" ] && [ "$(head -n 1 "$data/postmaster.pid")" = $$ ]; then
	rm "$data/postmaster.pid" # a killed container's: its number was ours
fi
# each time: a new password in the secret counts from the next start
printf '%s\n' "ALTER ROLE psap112 PASSWORD '$password'" | sql "$data"
unset password
exec postgres -D "$data" -c listen_addresses= -c unix_socket_directories=/run/postgresql \
	-c unix_socket_permissions=0770 -c shared_buffers=256MB -c max_wal_size=2GB -c log_line_prefix='%m [%p] '
