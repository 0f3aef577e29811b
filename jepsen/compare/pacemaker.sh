#!/usr/bin/env bash
# Measures failover of Tenure and of Debian's Pacemaker and Corosync side by side, on this machine. Installs what is
# missing with apt-get. Arguments go to `machines compare`; see --help of that.
# Exit codes: 0 measured, 1 failed, 3 the packages cannot be installed, or machines cannot be made here.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(pacemaker corosync pacemaker-cli-utils resource-agents nginx-light kmod iproute2 util-linux e2fsprogs procps psmisc)

lacks() {
    printf 'pacemaker.sh: not run, it lacks %s\n' "$*" >&2
    exit 3
}

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
    ((EUID == 0)) || lacks "root, to install ${missing[*]}"
    command -v apt-get >/dev/null || lacks "apt-get, to install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Their services are not to run on the machine itself.
    if [[ ! -e /usr/sbin/policy-rc.d ]]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" ||
        lacks "packages that cannot be installed: ${missing[*]}"
fi

cargo build --release --quiet --package tenure-jepsen --bin machines --package tenure --bin tenured
target/release/machines compare --tenured target/release/tenured "$@"
