#!/usr/bin/env bash
# Checks what is in deploy/: alerts, dashboard and Kubernetes manifests. What needs a tool that is not here is left out, and the last
# lines say so.
#
# usage: scripts/deploy.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-target}
# scripts/setup.sh observe puts promtool there.
PATH="$PATH:$target/tools"

left_out=()
has() { command -v "$1" > /dev/null; }

if has promtool; then
  promtool check config deploy/prometheus/prometheus.yml
  promtool test rules deploy/prometheus/rules_test.yml
else
  left_out+=("alerts: no promtool, which comes with Prometheus")
fi

if has python3; then
  deploy/grafana/check.py
else
  left_out+=("dashboard: no python3")
fi

if has kustomize; then
  build=(kustomize build)
elif has kubectl; then
  build=(kubectl kustomize)
else
  build=()
  left_out+=("manifests: no kustomize or kubectl")
fi
if [ ${#build[@]} -gt 0 ]; then
  has kubernetes-validate || left_out+=("manifests, by Kubernetes's schemas: no kubernetes-validate (pip)")
  for folder in sidecar scaled; do
    manifests=$(mktemp --suffix .yaml)
    "${build[@]}" "deploy/kubernetes/$folder" > "$manifests"
    echo "$folder: $(grep -c '^kind: ' "$manifests") manifests"
    # It knows no custom resources, and ends with an error at one: KEDA's.
    if has kubernetes-validate; then
      sed -i '/^apiVersion: keda.sh/,/^---$/d' "$manifests"
      kubernetes-validate --strict "$manifests"
    fi
    rm "$manifests"
  done
fi

# Exit code 1 is what `check` says of brokers and a target that are not here, 2 that there is no such setting.
if [ -x "$target/debug/rowkind" ]; then
  for config in deploy/compose/rowkind.toml deploy/kubernetes/*/rowkind.toml; do
    code=0
    ROWKIND_SINK_URL=postgres://app@127.0.0.1:1/target "$target/debug/rowkind" check -c "$config" --source-brokers 127.0.0.1:1 > /dev/null 2>&1 || code=$?
    if [ "$code" != 1 ]; then
      echo "$config: rowkind check ended with $code" >&2
      exit 1
    fi
    echo "$config: its settings are settings"
  done
else
  left_out+=("settings of the pipelines: no $target/debug/rowkind")
fi

for what in "${left_out[@]}"; do
  echo "LEFT OUT: $what"
done
