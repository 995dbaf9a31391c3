# shellcheck shell=bash
# The container runtime: a containerd with its own settings, socket, data and network, and the images in it.

ctr() { "$PACKAGES_DIR/usr/bin/ctr" --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

# snapshotter: how layers are stacked. An overlay cannot lie on another.
snapshotter() {
  if [[ $(stat --file-system --format %T "$NODE_DIR") != overlayfs ]]; then echo overlayfs; else echo native; fi
}

containerd_settings() {
  cat >"$NODE_DIR/containerd.toml" <<TOML
version = 2
root = "$NODE_DIR/containerd"
# On the namespace's own tmpfs: what runs is forgotten with it.
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "$CONTAINERD_SOCKET"
[ttrpc]
  address = "$CONTAINERD_SOCKET.ttrpc"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  # Without CAP_SYS_RESOURCE a container's score cannot go below our own.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$PACKAGES_DIR/usr/lib/cni"
    conf_dir = "$NODE_DIR/cni/conf"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$(snapshotter)"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "$PACKAGES_DIR/usr/sbin/runc"
        SystemdCgroup = false
TOML
  mkdir -p "$NODE_DIR/cni/conf"
  # Pods reach the machine and each other, not what is beyond: that would take masquerading, which needs iptables.
  cat >"$NODE_DIR/cni/conf/10-$NODE_ID.conflist" <<CNI
{
  "cniVersion": "0.4.0",
  "name": "$NODE_ID",
  "plugins": [{
    "type": "ptp",
    "ipMasq": false,
    "ipam": {
      "type": "host-local",
      "dataDir": "$NODE_DIR/cni/addresses",
      "ranges": [[{"subnet": "$POD_SUBNET"}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }]
}
CNI
}

containerd_start() {
  process_runs node-containerd && return
  containerd_settings
  # The shims start as children of containerd and look for programs on its PATH.
  process_start node-containerd nsenter --mount="/proc/$(process_pid node-mounts)/ns/mnt" -- \
    env PATH="$PACKAGES_DIR/usr/bin:$PACKAGES_DIR/usr/sbin:$PATH" \
    "$PACKAGES_DIR/usr/bin/containerd" --config "$NODE_DIR/containerd.toml" --log-level warn
  process_wait node-containerd 30 ctr version
}

images_import() {
  local image
  for image in "$IMAGES_DIR"/*.tar; do ctr images import --snapshotter "$(snapshotter)" "$image" >/dev/null; done
}
