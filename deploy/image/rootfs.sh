#!/usr/bin/env bash
# Makes the image's root filesystem of what this Debian has: the binary, the libraries that it is linked to, the authorities
# that it trusts, users and the order of name resolution. No shell and no package manager.
#
# usage: deploy/image/rootfs.sh BINARY DIR
set -euo pipefail
binary=$1
root=$2
here=$(dirname "${BASH_SOURCE[0]}")

mkdir -p "$root"/{etc,tmp,usr/{bin,lib,lib64,share/doc/rowkind},var/lib/{dpkg/status.d,rowkind}}
ln -s usr/bin "$root/bin"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
chmod 1777 "$root/tmp"
# For `sink.state_dir`; a volume that is mounted here takes its owner. Only root can give it away.
[ "$EUID" -ne 0 ] || chown 10001:10001 "$root/var/lib/rowkind"

install -m 755 "$binary" "$root/usr/bin/rowkind"
cp "$here/../../LICENSE" "$root/usr/share/doc/rowkind/"

# The package that has a file, by its path now or by that of before /usr was merged.
package_of() {
  dpkg -S "$1" 2> /dev/null || dpkg -S "/usr$1" 2> /dev/null || dpkg -S "${1#/usr}"
}
# What a package says of itself, for scanners that look for known holes, and its licence.
declare -A told
tell() {
  local package
  package=$(package_of "$1" | sed -n '1s/: .*//p')
  [ -z "${told[$package]:-}" ] || return 0
  told[$package]=1
  dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/${package%:*}"
  install -D -m 644 "/usr/share/doc/${package%:*}/copyright" "$root/usr/share/doc/${package%:*}/copyright"
}

# Of glibc 2.34 and later, names are resolved by what is in libc itself: there are no NSS libraries to look for.
libraries=$(ldd "$binary" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
for library in $libraries; do
  install -D -m 644 "$(realpath "$library")" "$root$library"
  tell "$(realpath "$library")"
done
chmod 755 "$root"/lib64/ld-linux-* "$root"/lib/ld-linux-* 2> /dev/null || true
# Licences that those of the packages refer to.
install -D -m 644 -t "$root/usr/share/common-licenses" /usr/share/common-licenses/{Apache-2.0,GPL-3,LGPL-2.1}

# All authorities in one file; OpenSSL looks for them, and for its settings, in the folder that it was built for.
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
install -D -m 644 /etc/ssl/openssl.cnf "$root/etc/ssl/openssl.cnf"
tell /usr/sbin/update-ca-certificates
mkdir -p "$root/usr/lib/ssl"
ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
ln -s /etc/ssl/openssl.cnf "$root/usr/lib/ssl/openssl.cnf"

cat > "$root/etc/passwd" << 'END'
root:x:0:0:root:/:/usr/sbin/nologin
rowkind:x:10001:10001:rowkind:/var/lib/rowkind:/usr/sbin/nologin
END
cat > "$root/etc/group" << 'END'
root:x:0:
rowkind:x:10001:
END
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
install -m 644 /etc/os-release "$root/etc/os-release"

# The same files give the same image.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
