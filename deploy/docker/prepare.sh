#!/bin/sh
# Makes the passwords of the stack, once: `.env` and `secrets/` beside this file, for their owner's eyes and the
# containers' alone. What is there already is kept.
set -eu
cd "$(dirname "$0")"
umask 077

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
sha256() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

if [ -e .env ] || [ -e secrets ]; then
    echo "there are passwords already: .env and secrets/ stay as they are"
    exit 0
fi
writer=$(secret)
analyst=$(secret)
mkdir secrets
printf 'clickhouse://modelspan:%s@localhost:8123\n' "$writer" >secrets/store
secret >secrets/grafana
# Containers read their secret as users of their own; the folder keeps everybody else out.
chmod 0444 secrets/store secrets/grafana
cat >.env <<END
MODELSPAN_WRITER_SHA256=$(sha256 "$writer")
MODELSPAN_ANALYST_SHA256=$(sha256 "$analyst")
MODELSPAN_ANALYST_PASSWORD=$analyst
END
echo "made .env and secrets/; Grafana's admin has the password in secrets/grafana"
