# shellcheck shell=bash
# The ports of a stack: the standard ones, or PORT_BASE and those after it. Needs STATE_DIR; PORT_BASE is empty for the
# standard ones. All listen on 127.0.0.1 alone.
# shellcheck disable=SC2034  # columns of the table that a reader skips

declare -A PORT=()

# ports_valid BASE: whether it can be a base; the empty one can.
ports_valid() { [[ -z $1 || ($1 =~ ^[0-9]{4,5}$ && $1 -ge 1024 && $1 -le 65516) ]]; }

# ports_set BASE: fills PORT by name.
ports_set() {
  local base=$1 name standard offset process
  while read -r name standard offset process; do
    if [[ -n $base ]]; then PORT[$name]=$((base + offset)); else PORT[$name]=$standard; fi
  done < <(grep -v '^#' "$LIB_DIR/ports")
}

# port_open PORT: whether something listens there.
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ports_must_be_free PROCESS...: stops when a port of one of them, which does not run, is taken.
ports_must_be_free() {
  local name standard offset process
  while read -r name standard offset process; do
    [[ " $* " == *" $process "* ]] || continue
    process_runs "$process" || ! port_open "${PORT[$name]}" ||
      die "port ${PORT[$name]} ($name) is taken by something that is not this stack's: stop that, or choose other ports" \
        "with --port-base N (they are then N to N+19) and another folder with --state"
  done < <(grep -v '^#' "$LIB_DIR/ports")
}

# ports_pick: a base whose ports are all free and that no other stack has claimed. The range lies below the one that the
# kernel gives to outgoing connections.
ports_pick() {
  local base claims=${TMPDIR:-/tmp}/oppen-ports offset tries
  mkdir -p "$claims"
  for ((tries = 0; tries < 200; tries++)); do
    base=$((20000 + (RANDOM % 600) * 20))
    # Two that start together both see free ports; only one can make the claim. A claim of a stack that is gone is void.
    if ! (set -o noclobber && echo "$STATE_DIR" >"$claims/$base") 2>/dev/null; then
      ports_claimed "$claims/$base" "$base" && continue
      echo "$STATE_DIR" >"$claims/$base"
    fi
    for ((offset = 0; offset < 20; offset++)); do port_open $((base + offset)) && continue 2; done
    echo "$base"
    return
  done
  die "found no 20 free ports between 20000 and 32000"
}

# ports_claimed FILE BASE: whether the stack that made the claim is still there, or has only just begun.
ports_claimed() {
  local state
  [[ -n $(find "$1" -mmin -1 2>/dev/null) ]] && return
  state=$(<"$1")
  [[ -f $state/port-base && $(<"$state/port-base") == "$2" ]]
}

# ports_release: gives up this stack's claim, if it has one.
ports_release() {
  local claim
  claim=${TMPDIR:-/tmp}/oppen-ports/$(<"$STATE_DIR/port-base")
  if [[ -f $claim && $(<"$claim") == "$STATE_DIR" ]]; then rm "$claim"; fi
}
