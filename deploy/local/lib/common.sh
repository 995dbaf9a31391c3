# shellcheck shell=bash
# What every part of the local stack stands on: where things are, progress lines, and how to stop with a reason.
# Sourced, never run. Needs nothing but bash and coreutils.

# shellcheck disable=SC2034  # read by the files that source this one
shopt -s inherit_errexit # a failure inside $(...) stops us too

OPPEN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
LOCAL_DIR=$OPPEN_ROOT/deploy/local
LIB_DIR=$LOCAL_DIR/lib
CACHE_DIR=${OPPEN_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/oppen}
BUILD_JOBS=${OPPEN_BUILD_JOBS:-$(nproc)}

# say TEXT...: a progress line with the seconds since the program began. On stderr, since functions answer on stdout.
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

# die TEXT...: say what went wrong and leave with 1.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# usage_error TEXT...: the command line was wrong; leaves with 2, as the other programs do.
usage_error() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# as_root COMMAND...: runs it as root, by sudo where we are not.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    die "'$1' has to run as root: run this as root, or install sudo"
  fi
}

# wait_until SECONDS WHAT COMMAND...: polls COMMAND until it succeeds; fails when the time is up.
wait_until() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      printf 'error: %s: not there after %s s\n' "$what" "$seconds" >&2
      return 1
    fi
    sleep 0.1
  done
}
