#!/bin/sh
# Makes what is missing in docker/secrets (or in the folder that is given): passwords at random, a certificate
# for the first day. Nothing that is there is changed, so it may be run again.
set -eu
folder=${1:-$(dirname "$0")/secrets}
name=${2:-}

if ! command -v openssl >/dev/null 2>&1; then
	echo "112: openssl tidak ada, pasang dulu / is missing, install it: apt-get install openssl" >&2
	exit 1
fi
# The folder is its owner's alone; the files in it are handed to containers one by one, whose accounts have
# other numbers than any account here and must be able to read them.
mkdir -p "$folder"
chmod 0700 "$folder"

if [ -z "$name" ] && [ -r .env ]; then
	name=$(sed -n 's#^PSAP_PUBLIC_URL=["'\'']*https://\([^/:"'\'']*\).*#\1#p' .env | tail -n 1)
fi
name=${name:-$(hostname)}

keep() { # file: standard input becomes the file, whole or not at all
	cat >"$folder/$1.part"
	chmod 0444 "$folder/$1.part"
	mv "$folder/$1.part" "$folder/$1"
	echo "  $folder/$1"
}

for each in database_password admin_password; do
	[ -s "$folder/$each" ] || openssl rand -hex 16 | keep "$each"
done
if [ ! -s "$folder/tls.crt" ] || [ ! -s "$folder/tls.key" ]; then
	case $name in
	*[!0-9.]*) also=DNS:$name ;;
	*) also=IP:$name ;;
	esac
	made=$(mktemp -d)
	trap 'rm -rf "$made"' EXIT
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$name" \
		-addext "subjectAltName=$also" -keyout "$made/key" -out "$made/cert" 2>/dev/null
	keep tls.key <"$made/key"
	keep tls.crt <"$made/cert"
	echo "  ($name: ditandatangani sendiri, ganti dengan sertifikat kota / self-signed, put the city's here)"
fi
