#!/bin/sh
# Asterisk in the foreground. PSAP_PART is what status and watchdog know it by.
set -eu
conf=$PSAP_HOME/asterisk/etc/asterisk.conf
if [ ! -r "$conf" ]; then
	echo "112: $conf tidak ada, jalankan prepare dulu / is not there: docker compose up prepare" >&2
	exit 1
fi
# Nothing of its standard error: its XML library writes there what strangers sent; its log is on standard output.
exec env PSAP_PART=asterisk /usr/sbin/asterisk -C "$conf" -f 2>/dev/null
