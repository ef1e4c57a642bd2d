#!/usr/bin/env bash
# Registers the Debezium connector, or brings it up to date: PUT does either.
set -euo pipefail
connect=${CONNECT_URL:-http://connect:8083}
name=${CONNECTOR_NAME:-shop}
config=${CONNECTOR_CONFIG:-/deploy/connector.json}
answer=$(mktemp)

# 000 is no answer at all, 404 a server that has not loaded Connect yet, 409 workers that still look for each other, 500 a worker that is not
# ready: they pass.
for try in $(seq 60); do
  code=$(curl --silent --max-time 30 --output "$answer" --write-out '%{http_code}' --request PUT \
    --header 'Content-Type: application/json' --data "@$config" "$connect/connectors/$name/config") || true
  case $code in
    200 | 201) break ;;
    000 | 404 | 409 | 500 | 503) ;;
    *) try=60 ;;
  esac
  if [ "$try" = 60 ]; then
    echo "Connect does not take the connector $name ($code): $(cat "$answer")" >&2
    exit 1
  fi
  sleep 2
done

# A connector is taken before its task has started: wait until that runs.
for _ in $(seq 60); do
  status=$(curl --silent --max-time 10 "$connect/connectors/$name/status") || true
  case $status in
    *'"tasks":[{"id":0,"state":"RUNNING"'*)
      echo "connector $name is running"
      exit 0
      ;;
    *'"state":"FAILED"'*) break ;;
  esac
  sleep 1
done
echo "connector $name does not run: $status" >&2
exit 1
