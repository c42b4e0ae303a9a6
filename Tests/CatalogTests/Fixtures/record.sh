#!/bin/sh
# Records the catalogs behind schema.sql: record.sh <folder of server programs> > catalog-<major>.json
# Starts a server of its own in a temporary folder, as `postgres` when run by root.
set -eu
programs=$1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d /tmp/onhand-record-XXXXXX)
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" = 0 ] && chown postgres "$folder"
trap 'as "$programs/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null; rm -rf "$folder"' EXIT
cp "$here/schema.sql" "$here/record.sql" "$folder" && chmod a+r "$folder"/*.sql
cd "$folder"
as "$programs/initdb" -D "$folder/data" -U postgres -A trust -N -E UTF8 --no-locale >/dev/null
as "$programs/pg_ctl" -D "$folder/data" -l "$folder/log" -w start \
  -o "-k $folder -c listen_addresses= -c fsync=off" >/dev/null
as "$programs/psql" -h "$folder" -U postgres -d postgres -XqAt -v ON_ERROR_STOP=1 \
  -f "$folder/schema.sql" -f "$folder/record.sql"
