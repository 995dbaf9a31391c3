# shellcheck shell=bash
# A stack as a whole: its state folder and ports, its services together, and the file that tells programs where they are.
# Sourced by deploy/local/up, deploy/local/down and tests/support/stack, which set STATE_DIR.
# shellcheck source-path=SCRIPTDIR

for part in common versions cache python parts process ports packages pki kafka redis kubernetes mlflow workers; do
  # shellcheck source=/dev/null
  . "$(dirname "${BASH_SOURCE[0]}")/$part.sh"
done

SERVICES=(kafka redis etcd apiserver controller scheduler kwok)

# state_open BASE: makes the state folder and settles the ports. BASE: a number; "standard"; "free" for any that are free;
# "" for what the stack had before, else the standard ones. Only one program at a time works on a stack.
state_open() {
  local base=$1 recorded='' running=()
  mkdir -p "$STATE_DIR/run" "$STATE_DIR/log"
  STATE_DIR=$(cd "$STATE_DIR" && pwd)
  exec 9>"$STATE_DIR/.lock"
  flock --timeout 600 9 || die "another up or down has been at work on $STATE_DIR for 10 minutes"
  [[ -f $STATE_DIR/port-base ]] && recorded=$(<"$STATE_DIR/port-base")
  [[ -n $base ]] || base=${recorded:-standard}
  if [[ $base == free ]]; then
    base=${recorded:-$(ports_pick)}
  fi
  if [[ -n $recorded && $base != "$recorded" ]]; then
    mapfile -t running < <(state_running)
    ((${#running[@]} == 0)) ||
      die "the stack in $STATE_DIR runs on other ports ($recorded); stop it first, or choose another folder with --state"
    rm -rf "$(pki_dir)" # the kubeconfigs name the port
  fi
  ports_set "${base#standard}"
  echo "$base" >"$STATE_DIR/port-base"
}

# state_running: the names of what runs.
state_running() {
  local file name
  for file in "$STATE_DIR"/run/*.pid; do
    name=$(basename "$file" .pid)
    if process_runs "$name"; then echo "$name"; fi
  done
}

# services_processes SERVICE...: the processes of them that listen on ports.
services_processes() {
  local service
  for service in "$@"; do
    if [[ $service == kubernetes ]]; then printf '%s\n' etcd apiserver; else echo "$service"; fi
  done
}

# services_start REAL_NODE SIMULATED SERVICE...: starts kafka, redis, kubernetes, mlflow, all side by side, and returns when they
# answer. REAL_NODE, a command that brings a real node up, or empty, and SIMULATED, true or false, say which nodes the
# cluster has. Topics and objects are also made in what ADMIN_KUBECONFIG and OPPEN_KAFKA_BROKERS name from outside.
services_start() {
  local real_node=$1 simulated=$2 wanted topics='' real=false
  shift 2
  wanted=" $* "
  [[ $wanted != *' kubernetes '* ]] || kubernetes_start
  [[ $wanted != *' redis '* ]] || redis_start
  [[ $wanted != *' kafka '* ]] || kafka_start
  [[ $wanted != *' mlflow '* ]] || mlflow_start
  if [[ -n ${OPPEN_KAFKA_BROKERS:-} ]]; then
    kafka_topics "$OPPEN_KAFKA_BROKERS" &
    topics=$!
  fi
  [[ $wanted != *' kubernetes '* ]] || kubernetes_join
  [[ -z ${ADMIN_KUBECONFIG:-} ]] || kubernetes_objects
  if [[ $wanted == *' kubernetes '* ]]; then
    if [[ -n $real_node ]] && "$real_node"; then real=true; fi
    kubernetes_place "$real"
    if [[ $simulated == true ]]; then
      kubernetes_simulate
      wait_until 60 "the cluster's nodes and placement" kubernetes_settled || exit 1
    fi
  fi
  [[ $wanted != *' redis '* ]] || process_wait redis 30 redis_ready
  [[ $wanted != *' mlflow '* ]] || process_wait mlflow 480 mlflow_ready
  if [[ -n $topics ]] && ! wait "$topics"; then
    [[ $wanted != *' kafka '* ]] || process_must_run kafka
    exit 1
  fi
}

# services_stop: all of them, whichever run. A broker or a database that is asked to end writes out what it holds.
services_stop() {
  process_stop 20 kwok scheduler controller apiserver kafka redis mlflow
  process_stop 20 etcd # the API server's last writes need it
  ports_release
}

# state_remove: the folder, if it is a stack's: nothing else is ever removed.
state_remove() {
  [[ -f $STATE_DIR/port-base && -d $STATE_DIR/run ]] || die "$STATE_DIR holds no stack: not removing it"
  [[ ! -d $STATE_DIR/node ]] || as_root rm -rf "$STATE_DIR/node" # root's, as the real node is
  rm -rf "$STATE_DIR"
}

# service_start NAME: one of them, again, with its data and ports; returns when it answers.
service_start() {
  say "$1: starting"
  case $1 in
    kafka | redis | etcd | apiserver)
      "$1_start"
      process_wait "$1" 60 "$1_ready"
      ;;
    controller | scheduler | kwok) "$1_start" ;;
    *) usage_error "no service '$1': expected one of ${SERVICES[*]}" ;;
  esac
}

# settings_print: where everything is, one KEY=value a line.
settings_print() {
  echo "OPPEN_KAFKA_BROKERS=${OPPEN_KAFKA_BROKERS:-}"
  echo "OPPEN_REDIS_URL=${OPPEN_REDIS_URL:-}"
  echo "OPPEN_NAMESPACE=$NAMESPACE"
  echo "OPPEN_SCHEDULER_URL=$(worker_url scheduler)"
  echo "OPPEN_CONSOLE_URL=$(worker_url console)"
  echo "KUBECONFIG=${ADMIN_KUBECONFIG:-}"
  [[ -z ${MLFLOW_TRACKING_URI:-} ]] || echo "MLFLOW_TRACKING_URI=$MLFLOW_TRACKING_URI"
}
