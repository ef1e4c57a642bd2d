#!/usr/bin/env bash
# Builds the binary that is shipped and prints where it is: the profile `dist`, with no path of this machine in it, so that a
# commit, a toolchain and a C compiler give the same bytes wherever they meet. Arguments go to cargo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
rustc=$(rustc --version --verbose)
rust_commit=$(sed -n 's/^commit-hash: //p' <<< "$rustc")

# Of two prefixes that fit, rustc takes the later one; gcc does too.
# Of C, too, what nobody calls is left out: librdkafka has its unit tests in it.
rust_flags=() c_flags=(-ffunction-sections -fdata-sections)
hide() {
  rust_flags+=("--remap-path-prefix=$1=$2")
  c_flags+=("-ffile-prefix-map=$1=$2")
}
hide "$PWD" /rowkind
hide "$target" /target
hide "$cargo_home" /cargo
# Where the component rust-src is installed, its place stands for the one that everyone else sees.
hide "$(rustc --print sysroot)/lib/rustlib/src/rust" "/rustc/$rust_commit"

encoded=$(IFS=$'\x1f' && printf '%s' "${rust_flags[*]}")
export CARGO_ENCODED_RUSTFLAGS=$encoded
export CFLAGS="${CFLAGS:-} ${c_flags[*]}"
# What C would take for the date. Not that of the commit: where it changes, all of C is built again.
export SOURCE_DATE_EPOCH=0
# Incremental code and link-time optimisation exclude each other.
export CARGO_INCREMENTAL=0

cargo build --profile dist --locked --package rowkind --bin rowkind "$@" >&2
echo "$target/dist/rowkind"
