#!/usr/bin/env bash
# Prints one line about the source and one about the target, every few seconds.
set -euo pipefail

line() {
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --file /deploy/counts.sql "$1" 2>/dev/null || echo "no answer"
}

while true; do
  printf '%(%H:%M:%S)T  source  %s\n' -1 "$(line "$SOURCE_URL")"
  printf '          target  %s\n' "$(line "$TARGET_URL")"
  sleep 3
done
