# shellcheck shell=bash
# What the real node takes of the machine: a mount namespace, which takes with it all that was mounted when the last process
# leaves it, and a control group, which holds the containers' processes and no others.

cgroup_version() { if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then echo 2; else echo 1; fi; }

# cgroup_folders: the node's control group, one folder for each hierarchy (a single one in version 2).
cgroup_folders() {
  local controller
  if [[ $(cgroup_version) == 2 ]]; then
    echo "/sys/fs/cgroup/$NODE_ID"
    return
  fi
  for controller in /sys/fs/cgroup/*/; do
    # Several names may be links to one hierarchy.
    [[ -L ${controller%/} || ! -e $controller/cgroup.procs ]] || echo "$controller$NODE_ID"
  done
}

# machine_check: leaves with 3 and the reason if a node cannot work here. Tries what it can instead of asking for names.
machine_check() {
  local controller folder
  [[ $EUID -eq 0 ]] || refuse "containers need root: run this as root"
  for controller in cpu memory pids; do
    if [[ $(cgroup_version) == 2 ]]; then
      grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers
    else
      [[ -e /sys/fs/cgroup/$controller/cgroup.procs ]]
    fi || refuse "the kernel offers no '$controller' control group in /sys/fs/cgroup"
  done
  # shellcheck disable=SC2016  # expanded inside
  unshare --mount --net --pid --fork bash -c 'mount -t tmpfs none /mnt' 2>/dev/null ||
    refuse "this machine does not let us make mount, network and process namespaces (no CAP_SYS_ADMIN, as in a container)"
  (exec 3</dev/kmsg) 2>/dev/null || refuse "the kubelet reads /dev/kmsg, and this machine does not let us open it"
  [[ -n $(node_address) ]] || refuse "the machine has no network address but the loopback's, and logs go through another"
  cgroup_create || refuse "the control group $NODE_ID cannot be made below /sys/fs/cgroup"
}

cgroup_create() {
  local folder controller
  for folder in $(cgroup_folders); do mkdir -p "$folder" 2>/dev/null || return 1; done
  [[ $(cgroup_version) == 2 ]] || return 0
  # The kubelet wants in its group each controller that the machine has.
  for controller in cpu cpuset memory pids hugetlb; do
    grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers || continue
    echo "+$controller" 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control || return 1
  done
}

# node_address: the one by which the machine reaches others, where the API server finds the kubelet.
node_address() {
  local address
  address=$(ip -4 -o route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  [[ -n $address && $address != 127.* ]] || address=$(ip -4 -o address show scope global | awk '{sub("/.*", "", $4); print $4; exit}')
  echo "$address"
}

# mounts_start: holds the mount namespace open. In it some places are the node's own: those that containerd, the CNI and
# the kubelet use whatever their settings, where a second node or a Docker would use them too; and the kernel settings that
# a kubelet changes for the whole machine, where it now finds that they are as it wants them.
mounts_start() {
  process_runs node-mounts && return
  mkdir -p "$NODE_DIR"/{kubelet-var,cni/cache,log-links,sysctl} /var/lib/kubelet /var/lib/cni /var/log/containers /run/containerd
  process_start node-mounts unshare --mount --propagation private "$LOCAL_DIR/node/mounts" "$NODE_DIR"
  process_wait node-mounts 10 mounts_ready
}

mounts_ready() { [[ -e $NODE_DIR/mounted.$(process_pid node-mounts) ]]; }

# container_processes, container_shims: pids. A shim is containerd's helper for one pod; it names the socket that it reports to.
container_processes() {
  cgroup_folders | while read -r folder; do
    find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

container_shims() {
  { grep -lFxz -- "$CONTAINERD_SOCKET" /proc/[0-9]*/cmdline 2>/dev/null || true; } | cut -d / -f 3
}

# processes_end WHICH: kills what the function WHICH lists until it lists nothing.
processes_end() {
  local deadline=$((SECONDS + 10)) pids
  while mapfile -t pids < <("$1") && ((${#pids[@]} > 0)); do
    kill -s KILL "${pids[@]}" 2>/dev/null || true
    ((SECONDS < deadline)) || die "these processes of the node do not end: ${pids[*]}"
    sleep 0.05
  done
}

# node_stop: ends all of it, whatever is left of it.
node_stop() {
  process_stop 10 node-kubelet
  processes_end container_processes
  # containerd notes how the containers ended, and then ends their shims.
  ! process_runs node-containerd || wait_until 10 "the end of the containers' shims" no_shims || true
  process_stop 10 node-containerd
  processes_end container_shims
  process_stop 5 node-mounts
  rm -f "$NODE_DIR"/mounted.*
  cgroup_remove
}
no_shims() { [[ -z $(container_shims) ]]; }

cgroup_remove() {
  local folder
  for folder in $(cgroup_folders); do
    [[ ! -d $folder ]] || find "$folder" -depth -type d -exec rmdir {} + || true
  done
}
