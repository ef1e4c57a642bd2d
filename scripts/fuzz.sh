#!/usr/bin/env bash
# Fuzzes the decoders, one target after the other, from the recorded records. What is found stays in formats/fuzz/artifacts.
# Needs a nightly Rust and cargo-fuzz: rustup toolchain install nightly; cargo install cargo-fuzz
#
# usage: scripts/fuzz.sh [SECONDS [TARGET...]]   seconds for each target, 60 unless told; all targets unless named
set -euo pipefail
cd "$(dirname "$0")/../formats"

seconds=${1:-60}
shift || true
mapfile -t targets < <(cargo +nightly fuzz list)
[ $# -eq 0 ] || targets=("$@")

cargo run --quiet --manifest-path fuzz/Cargo.toml --example seeds
# The words that the decoders know: a fuzzer would be long in finding them.
grep --recursive --no-filename --only-matching --extended-regexp '"[A-Za-z_][A-Za-z0-9_.-]+"' src | sort --unique > fuzz/corpus/words

failed=()
for target in "${targets[@]}"; do
  echo "== $target"
  cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -dict=fuzz/corpus/words -print_final_stats=1 \
    -rss_limit_mb=1024 -max_len=65536 -timeout=10 || failed+=("$target")
done
[ ${#failed[@]} -eq 0 ] || { echo "found by: ${failed[*]}" >&2; exit 1; }
