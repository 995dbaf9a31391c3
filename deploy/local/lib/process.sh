# shellcheck shell=bash
# The processes of a stack. A pid file holds the pid, when that process began and which boot that was, so that a pid that
# has since been given to another program is never taken for ours. Needs STATE_DIR.

process_file() { printf '%s/run/%s.pid\n' "$STATE_DIR" "$1"; }

# process_identity PID: what the pid file holds; fails when there is no such process, or only its remains.
process_identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field, the name in parentheses, may hold anything: count from its end.
  read -r -a stat <<<"${stat##*) }"
  # A dead one that nobody has waited for; while it has threads they still close its files and ports.
  [[ ${stat[0]} != Z || ${stat[17]} -gt 1 ]] || return 1
  printf '%s %s %s\n' "$1" "${stat[19]}" "$(</proc/sys/kernel/random/boot_id)"
}

# process_pid NAME: its pid, if it runs.
process_pid() {
  local file recorded pid
  file=$(process_file "$1")
  [[ -s $file ]] || return 1
  recorded=$(<"$file")
  pid=${recorded%% *}
  [[ $(process_identity "$pid") == "$recorded" ]] || return 1
  echo "$pid"
}

process_runs() { process_pid "$1" >/dev/null; }

process_gone() { ! process_runs "$1"; }

# process_start NAME COMMAND...: starts it, detached, with its output in log/NAME.log and without the lock on the state.
process_start() {
  local name=$1 file pid
  shift
  file=$(process_file "$name")
  mkdir -p "$STATE_DIR/run" "$STATE_DIR/log"
  setsid nohup "$@" </dev/null >>"$STATE_DIR/log/$name.log" 2>&1 3>&- 9>&- &
  pid=$!
  disown "$pid"
  process_identity "$pid" >"$file" || die "$name ended at once; its log is $STATE_DIR/log/$name.log"
}

# process_signal NAME SIGNAL: to it, if it runs.
process_signal() {
  local pid
  pid=$(process_pid "$1") || return 0
  kill -s "$2" "$pid" 2>/dev/null || return 0
}

# process_stop SECONDS NAME...: asks all of them to end, and kills what has not after so many seconds.
process_stop() {
  local seconds=$1 deadline name
  shift
  for name in "$@"; do
    process_signal "$name" TERM
    process_signal "$name" CONT # a paused one could not hear the first
  done
  deadline=$((SECONDS + seconds))
  for name in "$@"; do
    while process_runs "$name"; do
      if ((SECONDS >= deadline)); then
        say "$name did not end within $seconds s of SIGTERM: killing it"
        process_signal "$name" KILL
        deadline=$((SECONDS + seconds))
      fi
      sleep 0.05
    done
    rm -f "$(process_file "$name")"
  done
}

# process_must_run NAME: for the waiting loops: stops with the end of the log when the process is gone.
process_must_run() {
  process_runs "$1" && return
  tail -n 15 "$STATE_DIR/log/$1.log" >&2
  die "$1 has ended; its log is $STATE_DIR/log/$1.log"
}

# process_wait NAME SECONDS COMMAND...: until COMMAND succeeds, as long as the process runs.
process_wait() {
  local name=$1 seconds=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    process_must_run "$name"
    if ((SECONDS >= deadline)); then
      tail -n 15 "$STATE_DIR/log/$name.log" >&2
      die "$name does not answer after $seconds s; its log is $STATE_DIR/log/$name.log"
    fi
    sleep 0.05
  done
}
