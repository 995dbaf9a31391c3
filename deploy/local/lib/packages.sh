# shellcheck shell=bash
# Installs the distribution's packages that are missing, and leaves everything that was there alone.

# packages_missing FILE: prints those of the list that are not installed.
packages_missing() {
  local package
  while read -r package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done < <(grep -v '^#' "$1" | grep .)
}

# packages_ensure FILE: installs those of the list that are missing.
packages_ensure() {
  local missing
  command -v dpkg-query >/dev/null ||
    die "this is not Debian or Ubuntu: install what $1 lists in your own way, and run this with --without-packages"
  mapfile -t missing < <(packages_missing "$1")
  ((${#missing[@]} == 0)) || packages_install "${missing[@]}"
}

# packages_go: installs the distribution's Go where there is none, if it is one that can fetch a newer one by itself.
packages_go() {
  local candidate
  candidate=$(apt-cache policy golang-go | sed -n 's/ *Candidate: \([0-9]*:\)\?\([0-9.]*\).*/\2/p')
  ! version_at_least "${candidate:-0}" 1.21 || packages_install golang-go
}

# packages_install PACKAGE...
packages_install() {
  local policy=/usr/sbin/policy-rc.d lock
  # One at a time on a machine, whosever it is: apt waits for others to install, not for their reading of the lists, and the policy is one for all.
  exec {lock}</var/lib/dpkg
  flock "$lock"
  say "installing $# packages: $*"
  # A Redis, a Prometheus or an Alertmanager that comes along must not start, nor take the standard port: the stack and the tests start their own. The
  # policy forbids all starts while we install; one that is already there is its owner's business.
  local callers_trap
  callers_trap=$(trap -p EXIT)
  if [[ ! -e $policy ]]; then
    # shellcheck disable=SC2064  # the path as it is now
    trap "as_root rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  else
    policy=
  fi
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends "$@" \
    >"$STATE_DIR/log/packages.log" 2>&1 || {
    tail -n 20 "$STATE_DIR/log/packages.log" >&2
    die "the packages could not be installed; see $STATE_DIR/log/packages.log"
  }
  if [[ -n $policy ]]; then
    as_root rm -f "$policy"
    eval "${callers_trap:-trap - EXIT}"
  fi
  exec {lock}<&-
  local service
  for service in redis-server prometheus prometheus-alertmanager; do
    if [[ " $* " == *" $service "* && -d /run/systemd/system ]]; then
      as_root systemctl disable --quiet "$service" # else it would start with the machine
    fi
  done
}
