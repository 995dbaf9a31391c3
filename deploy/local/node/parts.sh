# shellcheck shell=bash
# What the real node is made of, in the cache beside the stack's other parts: the kubelet from the Go module proxy; containerd, runc
# and the CNI plugins from the distribution's packages; the images. The packages are unpacked, not installed: no service
# starts, and nothing that the machine already runs (a Docker, another containerd) is touched.

# The last minor version that runs on cgroup v1 hosts without being asked to; a kubelet may be three minors older than the control plane.
KUBELET_VERSION=1.34.4
NODE_PACKAGES=(containerd runc containernetworking-plugins)
TRAINER_IMAGE=oppen.dev/digits-trainer:1
PAUSE_IMAGE=oppen.dev/pause:1

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

build_node_packages() {
  local package
  mkdir -p "$1/.build"
  # apt-get downloads into the current folder, where its own user may not write.
  (cd "$1/.build" && apt-get -o APT::Sandbox::User=root download "${NODE_PACKAGES[@]}")
  for package in "$1"/.build/*.deb; do dpkg-deb --extract "$package" "$1"; done
  rm -rf "${1:?}"/{.build,usr/share,lib,etc}
}

build_node_images() {
  cmake -S "$OPPEN_ROOT/deploy/images" -B "$1/.build" -DCMAKE_BUILD_TYPE=RelWithDebInfo
  nice cmake --build "$1/.build" -j "$BUILD_JOBS" --target digits-trainer pause
  "$OPPEN_ROOT/deploy/images/build" "$TRAINER_IMAGE" "$1/.build/bin/digits-trainer" "$1/digits-trainer.tar"
  "$OPPEN_ROOT/deploy/images/build" "$PAUSE_IMAGE" "$1/.build/bin/pause" "$1/pause.tar"
  rm -rf "$1/.build"
}

# A new version of the packages, of the sources or of the compiler is a new entry of the cache.
node_packages_version() {
  apt-cache show --no-all-versions "${NODE_PACKAGES[@]}" 2>/dev/null | sed -n 's/^Version: //p' | sha256sum | cut -c 1-12
}
node_images_version() {
  { find "$OPPEN_ROOT"/deploy/images "$OPPEN_ROOT/cmake/OppenTarget.cmake" -type f -print0 | sort -z | xargs -0 cat && c++ --version; } |
    sha256sum | cut -c 1-12
}

node_parts_ensure() {
  local packages core_minutes=10 # at most, of what was seen on one machine
  cache_has kubelet "$KUBELET_VERSION" ||
    say "first run builds the kubelet of the real node: about $(((core_minutes + BUILD_JOBS - 1) / BUILD_JOBS)) minutes on $BUILD_JOBS cores"
  cache_ensure kubelet "$KUBELET_VERSION" build_kubelet
  packages=$(node_packages_version)
  if ! cache_has node-packages "$packages"; then
    as_root apt-get update --quiet >&2 # the lists may be older than what the mirrors still hold
    packages=$(node_packages_version)
  fi
  cache_ensure node-packages "$packages" build_node_packages
  cache_ensure node-images "$(node_images_version)" build_node_images
}

# node_parts_find: where they lie.
# shellcheck disable=SC2034  # read by runtime.sh and kubelet.sh
node_parts_find() {
  KUBELET_DIR=$(cache_path kubelet "$KUBELET_VERSION")
  PACKAGES_DIR=$(cache_path node-packages "$(node_packages_version)")
  IMAGES_DIR=$(cache_path node-images "$(node_images_version)")
}
