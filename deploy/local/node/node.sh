# shellcheck shell=bash
# What up and down of the real node share: where things are and what they are called. Sourced with STATE_DIR, CACHE_DIR and
# KUBECONFIG in the environment, as deploy/local/up sets them.
# shellcheck disable=SC2034  # read by the files that source this one

: "${STATE_DIR:?is not set: the folder of the stack, as deploy/local/up --state names it}"
OPPEN_CACHE_DIR=${CACHE_DIR:-${OPPEN_CACHE_DIR:-}} # what common.sh reads
for part in common versions cache parts process; do
  # shellcheck source=/dev/null
  . "$(dirname "${BASH_SOURCE[0]}")/../lib/$part.sh"
done

NODE_NAME=real
NODE_GPUS=2 # pretended: the pods that ask for them get none, and compute on the CPU
NODE_DIR=$STATE_DIR/node
CONTAINERD_SOCKET=$NODE_DIR/containerd.sock
# Names that other stacks and other programs of this machine do not use.
NODE_ID=oppen-$(sha256sum <<<"$STATE_DIR" | cut -c 1-8)

# node_ports: the kubelet's ports: the standard ones, or two that the stack's table (lib/ports) leaves free.
node_ports() {
  local base
  base=$(cat "$STATE_DIR/port-base" 2>/dev/null || echo standard)
  if [[ $base == standard ]]; then
    KUBELET_PORT=10250 KUBELET_HEALTH_PORT=10248 POD_SUBNET=10.65.0.0/24
  else
    KUBELET_PORT=$((base + 18)) KUBELET_HEALTH_PORT=$((base + 19))
    # Each stack has 20 ports, so base / 20 tells stacks apart: pods of two stacks never share an address.
    POD_SUBNET=10.$((66 + base / 20 / 256)).$((base / 20 % 256)).0/24
  fi
}

# refuse TEXT...: this machine cannot have a real node; leaves with 3.
refuse() {
  printf 'no real node: %s\n' "$*" >&2
  exit 3
}

for part in parts machine runtime kubelet; do
  # shellcheck source=/dev/null
  . "$(dirname "${BASH_SOURCE[0]}")/$part.sh"
done
