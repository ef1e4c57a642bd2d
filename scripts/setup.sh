#!/usr/bin/env bash
# Installs by apt what a Debian or Ubuntu machine lacks, or says the exact command. Does nothing when nothing lacks.
#
# usage: scripts/setup.sh GROUP...
#   build      what compiles librdkafka: C and C++ compilers, make, pkg-config, OpenSSL's headers
#   postgres   PostgreSQL's server binaries; no server is started and none is set up
#   book       what the commands of the documentation use, which its tests run: kcat, psql, curl
#   lint       shellcheck, docker-compose (to check the compose file; no Docker is needed), git (fetches advisories)
#   observe    promtool, into target/tools: out of Debian's package of Prometheus, which would start a server if it were installed
#   java       a Java runtime and Maven, for a real Kafka broker
set -euo pipefail

packages=()

has() { command -v "$1" > /dev/null; }
# need COMMAND PACKAGE
need() { has "$1" || packages+=("$2"); }

group_build() {
  if ! has cargo; then
    echo "cargo is not in PATH: install Rust as https://rustup.rs says, then open a new shell" >&2
    exit 1
  fi
  need cc gcc
  need c++ g++
  need make make
  need pkg-config pkg-config
  # Headers only count where pkg-config finds them: the build asks it.
  pkg-config --exists openssl 2> /dev/null || packages+=(libssl-dev)
}

group_postgres() {
  has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || packages+=(postgresql)
}

group_book() {
  need kcat kcat
  need psql postgresql-client
  need curl curl
}

group_lint() {
  need git git
  need shellcheck shellcheck
  docker compose version > /dev/null 2>&1 || need docker-compose docker-compose
}

group_observe() {
  local tools=${CARGO_TARGET_DIR:-target}/tools folder
  # Without apt-get it is left out, which scripts/deploy.sh says.
  if has promtool || [ -x "$tools/promtool" ] || ! has apt-get; then
    return
  fi
  folder=$(mktemp -d)
  # Root's downloads are made by another user, who has no business in this folder.
  download() { (cd "$folder" && apt-get -q -o APT::Sandbox::User=root download prometheus); }
  if ! download; then
    if [ "$EUID" -ne 0 ]; then
      echo "promtool is missing. Run this, then try again: sudo apt-get update" >&2
      exit 1
    fi
    apt-get -q -o DPkg::Lock::Timeout=300 update
    download
  fi
  mkdir -p "$tools"
  dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar --extract --to-stdout ./usr/bin/promtool > "$tools/promtool"
  chmod +x "$tools/promtool"
  rm -r "$folder"
}

group_java() {
  need java default-jre-headless
  need mvn maven
}

for group in "$@"; do
  case $group in
    build | postgres | book | lint | observe | java) "group_$group" ;;
    *) echo "no such group: $group" >&2; exit 2 ;;
  esac
done
[ ${#packages[@]} -gt 0 ] || exit 0

if ! has apt-get; then
  echo "these packages (by their Debian names) are missing, and there is no apt-get to install them: ${packages[*]}" >&2
  exit 1
fi
if [ "$EUID" -eq 0 ]; then
  as_root=(env)
elif has sudo && sudo --non-interactive true 2> /dev/null; then
  as_root=(sudo --non-interactive env)
else
  cat >&2 << END
Some packages are missing. Run this, then try again:

  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}

END
  exit 1
fi

# Debian's package makes a cluster and starts a server on port 5432, unless told not to. Told for this one time only.
no_cluster=/etc/postgresql-common/createcluster.d/rowkind.conf
forget_no_cluster() {
  "${as_root[@]}" rm -f "$no_cluster"
  "${as_root[@]}" rmdir --ignore-fail-on-non-empty "${no_cluster%/*}"
}
if [[ " ${packages[*]} " == *" postgresql "* ]]; then
  "${as_root[@]}" mkdir -p "${no_cluster%/*}"
  trap forget_no_cluster EXIT
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" > /dev/null
fi

echo "installing: ${packages[*]}"
apt_get=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
# A repository of someone else's that is away is no reason to stop: the packages come from the system's own.
"${apt_get[@]}" update || echo "apt-get update failed; going on with the package lists there are" >&2
"${apt_get[@]}" install -y --no-install-recommends "${packages[@]}"
