# shellcheck shell=bash
# The kubelet, and the node that it registers.

kubelet_settings() {
  local fail_on_v1='' resolv=/etc/resolv.conf
  [[ $(cgroup_version) == 2 ]] || fail_on_v1='failCgroupV1: false'
  [[ -r $resolv ]] || resolv=''
  mkdir -p "$NODE_DIR"/{kubelet,pod-logs}
  cat >"$NODE_DIR/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_address)
port: $KUBELET_PORT
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
healthzPort: $KUBELET_HEALTH_PORT
# The API server alone is let in, by its client certificate; what it may do is asked of the cluster.
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: "$STATE_DIR/kubernetes/pki/ca.crt"}
authorization: {mode: Webhook}
containerRuntimeEndpoint: "unix://$CONTAINERD_SOCKET"
podLogsDir: "$NODE_DIR/pod-logs"
volumePluginDir: "$NODE_DIR/kubelet/volume-plugins"
resolvConf: "$resolv"
# A control group of its own: a kubelet ends whatever it finds in its group and does not know.
cgroupDriver: cgroupfs
cgroupRoot: "/$NODE_ID"
$fail_on_v1
enforceNodeAllocatable: []
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
# The machine is somebody's, not a cluster's: a disk that is nearly full is no reason to end pods, and no image is fetched
# again once it has been cleared away.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
YAML
}

kubelet_ready() { curl --silent --fail "http://127.0.0.1:$KUBELET_HEALTH_PORT/healthz"; }

kubelet_start() {
  process_runs node-kubelet && return
  kubelet_settings
  process_start node-kubelet nsenter --mount="/proc/$(process_pid node-mounts)/ns/mnt" -- \
    "$KUBELET_DIR/bin/kubelet" --config "$NODE_DIR/kubelet.yaml" --kubeconfig "$KUBECONFIG" \
    --root-dir "$NODE_DIR/kubelet" --cert-dir "$NODE_DIR/kubelet/pki" --hostname-override "$NODE_NAME" \
    --node-ip "$(node_address)" --node-labels oppen.dev/node=real
  process_wait node-kubelet 60 kubelet_ready
}

kubectl_node() {
  "$(cache_path kubernetes "$KUBERNETES_VERSION")/bin/kubectl" --kubeconfig "$KUBECONFIG" --request-timeout 10s "$@"
}

# node_gpus: pretends the GPUs. A kubelet that starts sets what it has no device for to none.
node_gpus() {
  local amount="{\"nvidia.com/gpu\": \"$NODE_GPUS\"}"
  kubectl_node patch node "$NODE_NAME" --subresource status --type merge \
    --patch "{\"status\": {\"capacity\": $amount, \"allocatable\": $amount}}"
}

node_registered() { kubectl_node get node "$NODE_NAME"; }

# node_ready: by the word of the kubelet that runs now: the last one's holds for 40 s after its end.
node_ready() {
  local since ready at gpus
  since=$(date --utc --reference "$(process_file node-kubelet)" +%FT%TZ)
  read -r ready at gpus < <(kubectl_node get node "$NODE_NAME" -o jsonpath='{range .status.conditions[?(@.type=="Ready")]}{.status} {.lastHeartbeatTime}{end} {.status.allocatable.nvidia\.com/gpu}{"\n"}')
  [[ $ready == True && ! $at < $since && $gpus == "$NODE_GPUS" ]]
}
