# shellcheck shell=bash
# A Kubernetes control plane of its own: etcd, API server, controllers, scheduler, and kwok for the simulated nodes.
# Needs STATE_DIR and PORT. ETCD_FLAGS: more flags for etcd.

NAMESPACE=${OPPEN_NAMESPACE:-ml-training}
ETCD_FLAGS=${ETCD_FLAGS:-}

kubernetes_bin() { echo "$(cache_path "$1" "$2")/bin"; }

# own_kubeconfig: the administrator's, of the cluster that this stack starts.
own_kubeconfig() { echo "$STATE_DIR/kubernetes/admin.kubeconfig"; }

# kubectl_path: our own for our own cluster; for another, the one that its owner uses.
kubectl_path() {
  if [[ $ADMIN_KUBECONFIG == "$(own_kubeconfig)" ]]; then
    echo "$(kubernetes_bin kubernetes "$KUBERNETES_VERSION")/kubectl"
  else
    command -v kubectl || die "KUBECONFIG names a cluster of yours: kubectl has to be on PATH to set it up"
  fi
}

# kubectl_admin ARGUMENT...: as the cluster's administrator.
kubectl_admin() { "$(kubectl_path)" --kubeconfig "$ADMIN_KUBECONFIG" "$@"; }

etcd_start() {
  process_runs etcd && return
  ports_must_be_free etcd
  # shellcheck disable=SC2086  # several flags
  process_start etcd "$(kubernetes_bin etcd "$ETCD_VERSION")/etcd" --name local --data-dir "$STATE_DIR/kubernetes/etcd" \
    --listen-client-urls "http://127.0.0.1:${PORT[etcd]}" --advertise-client-urls "http://127.0.0.1:${PORT[etcd]}" \
    --listen-peer-urls "http://127.0.0.1:${PORT[etcd-peer]}" \
    --initial-advertise-peer-urls "http://127.0.0.1:${PORT[etcd-peer]}" \
    --initial-cluster "local=http://127.0.0.1:${PORT[etcd-peer]}" --log-level warn $ETCD_FLAGS
}

apiserver_start() {
  local pki
  pki=$(pki_dir)
  process_runs apiserver && return
  ports_must_be_free apiserver
  # Without the ServiceAccount plugin pods need no account and get no token: training code has no business with the API.
  process_start apiserver "$(kubernetes_bin kubernetes "$KUBERNETES_VERSION")/kube-apiserver" \
    --etcd-servers "http://127.0.0.1:${PORT[etcd]}" \
    --bind-address 127.0.0.1 --external-hostname 127.0.0.1 --secure-port "${PORT[apiserver]}" \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
    --kubelet-preferred-address-types InternalIP \
    --service-account-key-file "$pki/service-account.key" --service-account-signing-key-file "$pki/service-account.key" \
    --service-account-issuer https://kubernetes.default.svc --token-auth-file "$pki/tokens.csv" \
    --authorization-mode Node,RBAC --service-cluster-ip-range 10.96.0.0/16 --endpoint-reconciler-type none \
    --disable-admission-plugins ServiceAccount --profiling=false
}

controller_start() {
  process_runs controller && return
  process_start controller "$(kubernetes_bin kubernetes "$KUBERNETES_VERSION")/kube-controller-manager" \
    --kubeconfig "$STATE_DIR/kubernetes/controller-manager.kubeconfig" --leader-elect=false --secure-port 0 \
    --service-account-private-key-file "$(pki_dir)/service-account.key" --root-ca-file "$(pki_dir)/ca.crt" \
    --kube-api-qps 500 --kube-api-burst 1000 --concurrent-resource-quota-syncs 10
}

scheduler_start() {
  process_runs scheduler && return
  process_start scheduler "$(kubernetes_bin kubernetes "$KUBERNETES_VERSION")/kube-scheduler" \
    --kubeconfig "$STATE_DIR/kubernetes/scheduler.kubeconfig" --leader-elect=false --secure-port 0 \
    --kube-api-qps 500 --kube-api-burst 1000
}

kwok_start() {
  process_runs kwok && return
  process_start kwok "$(kubernetes_bin kwok "$KWOK_VERSION")/kwok" --kubeconfig "$STATE_DIR/kubernetes/kwok.kubeconfig" \
    --config "$LOCAL_DIR/kubernetes/kwok.yaml" --manage-nodes-with-label-selector type=kwok --cidr 10.64.0.0/16 \
    --node-ip 127.0.0.1
}

etcd_ready() { curl --silent --fail "http://127.0.0.1:${PORT[etcd]}/health"; }

apiserver_ready() {
  curl --silent --fail --cacert "$(pki_dir)/ca.crt" "https://127.0.0.1:${PORT[apiserver]}/readyz"
}

# kubernetes_start: starts what is missing; what else depends on the API server waits by itself.
kubernetes_start() {
  mkdir -p "$STATE_DIR/kubernetes"
  pki_create
  ADMIN_KUBECONFIG=$(own_kubeconfig)
  say "Kubernetes: starting on ${PORT[apiserver]}"
  etcd_start
  apiserver_start
}

# kubernetes_join: waits for the API server, then starts what works by it.
kubernetes_join() {
  process_wait apiserver 60 apiserver_ready
  controller_start
  scheduler_start
}

# kubernetes_place REAL_NODE: where pods go; REAL_NODE, true or false, says whether there is one.
kubernetes_place() {
  kubectl_admin apply -f "$LOCAL_DIR/kubernetes/placement.yaml" -f - <<MAP >/dev/null
apiVersion: v1
kind: ConfigMap
metadata: {name: oppen-local-placement, namespace: kube-system}
data: {real_node: "$1"}
MAP
}

# kubernetes_simulate: the simulated nodes, and who plays them.
kubernetes_simulate() {
  kubectl_admin apply -f "$LOCAL_DIR/kubernetes/nodes.yaml" -f "$LOCAL_DIR/kubernetes/telemetry.yaml" >/dev/null
  kwok_start
}

# kubernetes_objects: the project's own objects, in whichever cluster ADMIN_KUBECONFIG names.
kubernetes_objects() { kubectl_admin apply -k "$OPPEN_ROOT/deploy/kubernetes" >/dev/null; }

# kubernetes_settled: whether the nodes are ready and a pod would be placed by the policy (it is in force a moment after it
# has been created).
kubernetes_settled() {
  local ready selector
  ready=$(kubectl_admin get nodes -l type=kwok \
    -o jsonpath='{range .items[*]}{.spec.taints}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')
  [[ $ready == $'True\nTrue' ]] || return 1
  selector=$(kubectl_admin create --dry-run=server -o 'jsonpath={.spec.nodeSelector.type}' -f - <<'POD'
apiVersion: v1
kind: Pod
metadata: {name: placement-probe, namespace: default}
spec: {containers: [{name: probe, image: oppen.dev/simulated:1}]}
POD
  )
  [[ $selector == kwok ]]
}

# worker_kubeconfig NAME: a kubeconfig with the service account of that name, and with no more rights than it has. Prints
# its path. The token lies in a file beside it, which a running worker reads again: it is good for a year, or for as long as
# the cluster allows, and each `up` makes a new one.
worker_kubeconfig() {
  local file=$STATE_DIR/kubernetes/$1
  mkdir -p "$STATE_DIR/kubernetes"
  (
    umask 077
    kubectl_admin -n "$NAMESPACE" create token "$1" --duration 8760h >"$file.token.new"
    mv "$file.token.new" "$file.token"
    kubectl_admin config view --raw --minify --flatten -o json |
      jq --arg file "$file.token" '.users = [{name: .users[0].name, user: {tokenFile: $file}}]' >"$file.kubeconfig"
  )
  echo "$file.kubeconfig"
}
