# shellcheck shell=bash
# Python environments in the cache, one for each list of requirements.

# venv_ensure NAME REQUIREMENTS: prints the folder of an environment that has what the file names; installs it once.
venv_ensure() {
  local requirements=$2 venv lock
  venv=$CACHE_DIR/$1-$(python3 -c 'import sys; print(*sys.version_info[:2], sep=".")')-$(sha256sum "$requirements" | cut -c1-12)
  if [[ ! -f $venv/complete ]]; then
    mkdir -p "$CACHE_DIR"
    exec {lock}>"$venv.lock"
    flock "$lock"
    if [[ ! -f $venv/complete ]]; then
      say "installing the Python packages of $(basename "$requirements")"
      python3 -m venv --clear "$venv" >&2
      "$venv/bin/pip" --quiet --disable-pip-version-check install --requirement "$requirements" >&2
      cp "$requirements" "$venv/installed.txt"
      touch "$venv/complete"
    fi
    exec {lock}>&-
  fi
  echo "$venv"
}
