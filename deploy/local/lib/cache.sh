# shellcheck shell=bash
# The cache: one folder for each thing and version, built once and used by every stack of this user.
# A folder under its final name is complete: it is built under a temporary name and renamed. A list of its files with their
# sizes tells a damaged one, which is made anew. A lock keeps two runs from building the same thing.

# cache_path NAME VERSION: where the thing lies, or will lie.
cache_path() { printf '%s/%s-%s\n' "$CACHE_DIR" "$1" "$2"; }

# cache_has NAME VERSION: whether it is there, whole.
cache_has() {
  local path
  path=$(cache_path "$1" "$2")
  [[ -s $path/.files ]] && (cd "$path" && sed 's/^[0-9]* //' .files | tr '\n' '\0' |
    xargs -0 stat -c '%s %n' 2>/dev/null | cmp -s - .files)
}

# cache_ensure NAME VERSION BUILDER: makes it unless it is there. BUILDER is called with the folder to fill.
cache_ensure() {
  local name=$1 version=$2 builder=$3 path began
  cache_has "$name" "$version" && return
  path=$(cache_path "$name" "$version")
  mkdir -p "$CACHE_DIR/log"
  (
    exec {lock}>"$CACHE_DIR/.$name-$version.lock"
    if ! flock --nonblock "$lock"; then
      say "$name $version: another run is building it, waiting for that"
      flock "$lock"
    fi
    cache_has "$name" "$version" && exit 0
    began=$SECONDS
    say "$name $version: building (log: $CACHE_DIR/log/$name-$version.log)"
    rm -rf "$path" "$path".new
    mkdir -p "$path".new
    # Not `if ! builder`: that would switch off `set -e` inside it.
    set +e
    (
      set -e
      "$builder" "$path".new
    ) >"$CACHE_DIR/log/$name-$version.log" 2>&1
    status=$?
    set -e
    if ((status != 0)); then
      tail -n 25 "$CACHE_DIR/log/$name-$version.log" >&2
      rm -rf "$path".new
      die "$name $version could not be built; the whole log is $CACHE_DIR/log/$name-$version.log"
    fi
    (cd "$path".new && find . -type f -print0 | sort -z | xargs -0 stat -c "%s %n") >"$CACHE_DIR/.$name-$version.files"
    mv "$CACHE_DIR/.$name-$version.files" "$path".new/.files
    mv "$path".new "$path"
    say "$name $version: built in $((SECONDS - began)) s"
  )
}
