# shellcheck shell=bash
# Builds the project and runs its workers. Needs STATE_DIR, PORT and what services.sh sets.
# shellcheck disable=SC2153  # PORT, of ports.sh, is not port

BUILD_DIR=$OPPEN_ROOT/build/release
# shellcheck disable=SC2034  # read by up and down
mapfile -t WORKERS < <(grep -v '^#' "$LIB_DIR/workers" | cut -d ' ' -f 1)

project_build() {
  local log=$STATE_DIR/log/build.log core_minutes=28 estimate='' # reckoned: its part of the objects of a whole build that was timed
  [[ -x $BUILD_DIR/bin/oppen ]] || estimate="; the first time about $(((core_minutes + BUILD_JOBS - 1) / BUILD_JOBS)) minutes on $BUILD_JOBS cores"
  say "building the project$estimate (log: $log)"
  (cd "$OPPEN_ROOT" && cmake --preset release && nice cmake --build --preset release -j "$BUILD_JOBS" --target programs) >"$log" 2>&1 || {
    grep -m 10 -E '(^| )error: |^CMake Error' "$log" >&2 || tail -n 20 "$log" >&2
    die "the project could not be built; the whole log is $log"
  }
}

# workers_wanted: the lines of the table, without the MLflow bridge where there is no MLflow, and the notifier where it has no routes.
workers_wanted() {
  local unwanted='^(#'
  [[ -n ${MLFLOW_TRACKING_URI:-} ]] || unwanted+='|oppen-mlflow '
  [[ -n ${OPPEN_NOTIFIER_ROUTES:-} ]] || unwanted+='|oppen-notifier '
  grep -vE "$unwanted)" "$LIB_DIR/workers"
}

# workers_list: those of them whose program has been built and that have something to do: telemetry is played on simulated nodes alone.
workers_list() {
  local program port account
  while read -r program port account; do
    [[ $program != oppen-telemetry || -n $(simulated_nodes) ]] || continue
    [[ -x $BUILD_DIR/bin/$program ]] && echo "$program $port $account"
  done < <(workers_wanted) || true
}

worker_url() { echo "http://127.0.0.1:${PORT[$1]}"; }

# simulated_nodes: their names, joined by commas.
simulated_nodes() {
  kubectl_admin get nodes -l type=kwok -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' | paste --serial --delimiters ,
}

# other_workers: those of whose health the console tells, beside itself and the scheduler: NAME=URL,...
other_workers() {
  local program port account
  while read -r program port account; do
    [[ $program =~ ^oppen-(console|scheduler)$ ]] || echo "$port=$(worker_url "$port")"
  done < <(workers_list) | paste --serial --delimiters ,
}

# worker_settings PROGRAM: what it gets beside what all get, one KEY=value a line.
worker_settings() {
  if [[ $1 == oppen-console ]]; then
    echo "OPPEN_WORKER_URLS=$(other_workers)"
  fi
  if [[ $1 == oppen-notifier ]]; then
    echo "OPPEN_NOTIFIER_ROUTES=$OPPEN_NOTIFIER_ROUTES"
  fi
  [[ $1 == oppen-telemetry ]] || return 0
  echo "OPPEN_SIMULATED_NODES=$(simulated_nodes)"
  echo "OPPEN_REPLAY=$LOCAL_DIR/telemetry/loads.jsonl"
  echo "OPPEN_BUFFER_DIR=$STATE_DIR/telemetry"
}

# worker_is_stale PROGRAM: whether what runs is not what would be started now: it has been built, told or given other routes since.
worker_is_stale() {
  local started
  started=$(process_file "$1")
  [[ $BUILD_DIR/bin/$1 -nt $started || $(worker_settings "$1") != "$(cat "$started.settings" 2>/dev/null)" ]] ||
    [[ $1 == oppen-notifier && $OPPEN_NOTIFIER_ROUTES -nt $started ]]
}

# workers_start: starts what is missing, and anew what is stale; ends a notifier without routes.
workers_start() {
  local program port account binary kubeconfig settings
  [[ -n ${OPPEN_NOTIFIER_ROUTES:-} ]] || process_stop 20 oppen-notifier
  while read -r program port account <&3; do
    binary=$BUILD_DIR/bin/$program
    if [[ $account == - ]]; then kubeconfig=''; else kubeconfig=$(worker_kubeconfig "$account"); fi
    if process_runs "$program"; then
      worker_is_stale "$program" || continue
      say "$program: built or set anew, restarting"
      process_stop 20 "$program"
    fi
    ports_must_be_free "$program"
    say "$program: starting on ${PORT[$port]}"
    mapfile -t settings < <(worker_settings "$program")
    process_start "$program" env "${settings[@]}" \
      KUBECONFIG="$kubeconfig" \
      OPPEN_KAFKA_BROKERS="$OPPEN_KAFKA_BROKERS" OPPEN_REDIS_URL="$OPPEN_REDIS_URL" OPPEN_NAMESPACE="$NAMESPACE" \
      OPPEN_LISTEN="127.0.0.1:${PORT[$port]}" \
      OPPEN_SCHEDULER_URL="$(worker_url scheduler)" OPPEN_CONSOLE_URL="$(worker_url console)" \
      "$binary"
    worker_settings "$program" >"$(process_file "$program").settings"
  done 3< <(workers_list)
  while read -r program port account <&3; do
    process_wait "$program" 60 curl --silent --fail "$(worker_url "$port")/readyz"
    say "$program: ready"
  done 3< <(workers_list)
}
