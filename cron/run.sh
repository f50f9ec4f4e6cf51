#!/bin/sh
# Runs one verb (export, unless another is named) for one home. For whatever starts programs without
# a configuration of its own: systemd, Kubernetes, somebody's wrapper.
set -eu

home=${CALENDAR_SYNC_HOME:-/home/ada/calendars}
program=${CALENDAR_SYNC_PROGRAM:-/home/ada/.venv/bin/calendar-sync}

# systemd (LoadCredential) and Kubernetes (a mounted secret) lend copies that cannot be written. The
# client follows its copy; the grant is taken over once, because we rewrite it when it changes.
lent=${CREDENTIALS_DIRECTORY:-}
take() {
    umask 077
    mkdir -p "$home/credentials"
    cp "$lent/$1" "$home/credentials/.$1.new"
    mv "$home/credentials/.$1.new" "$home/credentials/$1"
}
if [ -n "$lent" ] && [ -f "$lent/client_secrets.json" ]; then
    (take client_secrets.json)
fi
if [ -n "$lent" ] && [ -f "$lent/token.json" ] && [ ! -e "$home/credentials/token.json" ]; then
    (take token.json)
fi

if [ $# -eq 0 ]; then
    set -- export --quiet
fi
exec "$program" --home "$home" "$@"
