#!/usr/bin/env bash
# Makes a Debian package of a binary that is built already, and prints where it is. Needs cargo-deb.
#
# usage: scripts/deb.sh [PROFILE]     the profile it was built with: dist (default), release, dev
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
profile=${1:-dist}
folder=$profile
[ "$profile" != dev ] || folder=debug
built=${CARGO_TARGET_DIR:-$PWD/target}/$folder
rowkind=$built/rowkind

rm -rf "$built/deb"
mkdir -p "$built/deb"
"$rowkind" man "$built/deb/man"
"$rowkind" completions bash > "$built/deb/rowkind.bash"
"$rowkind" completions zsh > "$built/deb/_rowkind"
"$rowkind" completions fish > "$built/deb/rowkind.fish"

# The time of the commit, in the package's changelog and in its archive: the same files give the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}
export SOURCE_DATE_EPOCH
revision=1
version=$("$rowkind" -V)-$revision
cat > "$built/deb/changelog" << END
rowkind (${version#rowkind }) stable; urgency=medium

  * https://github.com/rowkind/rowkind/blob/main/CHANGELOG.md says what is new.

 -- rowkind <rowkind@users.noreply.github.com>  $(LC_ALL=C date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END

cargo deb --no-build --no-strip --profile "$profile" --deb-revision "$revision" --output "$built/" --locked
