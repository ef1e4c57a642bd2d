#!/usr/bin/env bash
# Makes a Debian package of a binary that is built already, and prints where it is. Needs cargo-deb.
#
# usage: scripts/deb.sh [PROFILE]     the profile it was built with: dist (default), release
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
profile=${1:-dist}
built=${CARGO_TARGET_DIR:-$PWD/target}/$profile
rowkind=$built/rowkind

# Cargo.toml names these files.
made=target/deb
rm -rf "$made"
mkdir -p "$made"
"$rowkind" man "$made/man"
"$rowkind" completions bash > "$made/rowkind.bash"
"$rowkind" completions zsh > "$made/_rowkind"
"$rowkind" completions fish > "$made/rowkind.fish"

# The time of the commit, in the package's changelog and in its archive: the same files give the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}
export SOURCE_DATE_EPOCH
revision=1
version=$("$rowkind" -V)-$revision
cat > "$made/changelog" << END
rowkind (${version#rowkind }) stable; urgency=medium

  * https://github.com/rowkind/rowkind/blob/main/CHANGELOG.md says what is new.

 -- rowkind <rowkind@users.noreply.github.com>  $(LC_ALL=C date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END

cargo deb --no-build --no-strip --profile "$profile" --deb-revision "$revision" --output "$built/" --locked
