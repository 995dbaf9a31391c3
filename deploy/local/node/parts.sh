# shellcheck shell=bash
# What the real node is made of, in the cache beside the other parts: the kubelet from the Go module proxy, and containerd, runc
# and the CNI plugins from the distribution's packages. These are unpacked, not installed: no service starts, nothing that the
# machine already runs (a Docker, another containerd) is touched.

# The last minor version that still runs on cgroup v1 hosts when asked to; a kubelet may be three minors older than the
# control plane.
KUBELET_VERSION=1.34.4
NODE_PACKAGES=(containerd runc containernetworking-plugins)

build_kubelet() {
  local out=$1 work=$1/.build version=v$KUBELET_VERSION staging module package ldflags
  go_module "$work"
  (cd "$work" && GOTOOLCHAIN=$(need_go) GOFLAGS='' go mod download -json "k8s.io/kubernetes@$version" >download.json)
  # As for the control plane: the staging modules are published as v0.MINOR.PATCH.
  staging=$(go mod edit -json "$(jq -r .GoMod "$work/download.json")" |
    jq -r '.Require[] | select(.Version == "v0.0.0") | .Path')
  {
    echo "require k8s.io/kubernetes $version"
    for module in $staging; do echo "replace $module => $module v0.${KUBELET_VERSION#1.}"; done
  } >>"$work/go.mod"
  package=k8s.io/component-base/version
  ldflags="-X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(cut -d. -f2 <<<"$KUBELET_VERSION")"
  ldflags+=" -X $package.gitTreeState=clean"
  go_build "$work" "$out/bin" "$ldflags" k8s.io/kubernetes/cmd/kubelet
  rm -rf "$work"
}

# node_packages_version: the packages' versions in one word, so that an update of the distribution is a new cache entry.
node_packages_version() {
  apt-cache show --no-all-versions "${NODE_PACKAGES[@]}" 2>/dev/null | sed -n 's/^Version: //p' | sha256sum | cut -c 1-12
}

build_node_packages() {
  local package
  mkdir -p "$1/.build"
  # Run in the folder, since apt-get downloads into the current one. Its sandbox user may not write there; it then
  # downloads as root and says so, which is no error.
  (cd "$1/.build" && apt-get -o APT::Sandbox::User=root download "${NODE_PACKAGES[@]}")
  for package in "$1"/.build/*.deb; do dpkg-deb --extract "$package" "$1"; done
  rm -rf "$1/.build" "$1/usr/share" "$1/lib" "$1/etc"
}

ensure_node_parts() {
  cache_ensure kubelet "$KUBELET_VERSION" build_kubelet
  apt-cache show "${NODE_PACKAGES[@]}" >/dev/null 2>&1 || as_root apt-get update
  cache_ensure node-packages "$(node_packages_version)" build_node_packages
}
