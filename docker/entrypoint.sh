#!/bin/sh
# What a container of the application's image is: a part by its name, `prepare`, or any other command.
set -eu
part=${1:?a part: agi, ami_bridge, console, watchdog, prepare}
case $part in
agi | ami_bridge | console) set -- python -m "$part" ;;
watchdog) set -- python -m psap.platform.watchdog ;;
prepare) exec python /opt/psap112/docker/prepare.py ;;
*) exec "$@" ;;
esac
# The health check asks here what to look at. PSAP_PART is the part's alone: a health check or a command
# of a person beside it must not be taken for it.
printf '%s' "$part" >/tmp/part
exec env PSAP_PART="$part" "$@"
