# shellcheck shell=bash
# How the parts that come as source or as jars get into the cache. Each build_ function fills the folder it is given.

# need_go: prints the environment under which `go` is new enough, or stops and says what to do.
need_go() {
  local have
  have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) ||
    die "Go $GO_VERSION or newer is needed to build the Kubernetes control plane and there is no 'go' on PATH: install it" \
      "(any Go from 1.21 on fetches the version it needs by itself; where the distribution's is older, its backports have" \
      "one, and go.dev too), or give a cluster of your own by KUBECONFIG"
  have=${have#go}
  if version_at_least "$have" "$GO_VERSION"; then
    echo local
  elif version_at_least "$have" 1.21; then
    echo "go$GO_VERSION+auto"
  else
    die "Go $GO_VERSION or newer is needed to build the Kubernetes control plane; 'go' on PATH is $have, and only versions" \
      "from 1.21 on can fetch a newer one by themselves: put a newer Go first on PATH, or give a cluster by KUBECONFIG"
  fi
}

# version_at_least HAVE WANT
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# go_module DIR: begins a module in DIR, as go.mod, that nothing but the build below uses.
go_module() {
  mkdir -p "$1"
  printf 'module oppen.dev/local/build\n\ngo %s\n' "$GO_VERSION" >"$1/go.mod"
}

# go_build MODULE_DIR OUT LDFLAGS PACKAGE...
go_build() {
  local module=$1 out=$2 ldflags=$3
  shift 3
  (cd "$module" && GOTOOLCHAIN=$(need_go) CGO_ENABLED=0 GOWORK=off GOFLAGS='' \
    nice go build -mod=mod -p "$BUILD_JOBS" -trimpath -buildvcs=false -ldflags "-s -w $ldflags" -o "$out/" "$@")
}

build_kubernetes() {
  local out=$1 work=$1/.build version=v$KUBERNETES_VERSION staging package ldflags
  go_module "$work"
  # The module names its staging modules as v0.0.0 and replaces them by folders, which only hold inside its own tree: the
  # same code is published as v0.MINOR.PATCH.
  (cd "$work" && GOTOOLCHAIN=$(need_go) GOFLAGS='' go mod download -json "k8s.io/kubernetes@$version" >download.json)
  staging=$(go mod edit -json "$(jq -r .GoMod "$work/download.json")" |
    jq -r '.Require[] | select(.Version == "v0.0.0") | .Path')
  {
    echo "require k8s.io/kubernetes $version"
    for package in $staging; do echo "replace $package => $package v0.${KUBERNETES_VERSION#1.}"; done
  } >>"$work/go.mod"
  package=k8s.io/component-base/version
  ldflags="-X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")"
  ldflags+=" -X $package.gitTreeState=clean"
  go_build "$work" "$out/bin" "$ldflags" k8s.io/kubernetes/cmd/{kube-apiserver,kube-scheduler,kube-controller-manager,kubectl}
  rm -rf "$work"
}

build_etcd() {
  go_module "$1/.build"
  echo "require go.etcd.io/etcd/server/v3 v$ETCD_VERSION" >>"$1/.build/go.mod"
  go_build "$1/.build" "$1/.build/bin" '' go.etcd.io/etcd/server/v3
  mkdir -p "$1/bin"
  mv "$1"/.build/bin/* "$1/bin/etcd"
  rm -rf "$1/.build"
}

build_kwok() {
  go_module "$1/.build"
  echo "require sigs.k8s.io/kwok v$KWOK_VERSION" >>"$1/.build/go.mod"
  go_build "$1/.build" "$1/bin" "-X sigs.k8s.io/kwok/pkg/consts.Version=v$KWOK_VERSION" sigs.k8s.io/kwok/cmd/kwok
  rm -rf "$1/.build"
}

build_kafka() {
  mkdir -p "$1/.build" "$1/libs"
  cat >"$1/.build/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.oppen</groupId><artifactId>local-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_$SCALA_VERSION</artifactId><version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version></dependency>
  </dependencies>
</project>
POM
  mvn --batch-mode --quiet -f "$1/.build/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$1/libs"
  rm -rf "$1/.build"
}

# parts_ensure SERVICE...: what kafka, redis, kubernetes or mlflow need; kafka-tools is enough for brokers from outside.
parts_ensure() {
  local -A wanted=()
  local service
  for service in "$@"; do
    case $service in
      kafka | kafka-tools) wanted[kafka]=1 ;;
      kubernetes) wanted[kubernetes]=1 wanted[etcd]=1 wanted[kwok]=1 ;;
      mlflow) venv_ensure mlflow "$LOCAL_DIR/mlflow-requirements.txt" >/dev/null ;;
    esac
  done
  parts_estimate "${!wanted[@]}"
  [[ -z ${wanted[kafka]:-} ]] || cache_ensure kafka "$KAFKA_VERSION" build_kafka
  [[ -z ${wanted[etcd]:-} ]] || cache_ensure etcd "$ETCD_VERSION" build_etcd
  [[ -z ${wanted[kwok]:-} ]] || cache_ensure kwok "$KWOK_VERSION" build_kwok
  [[ -z ${wanted[kubernetes]:-} ]] || cache_ensure kubernetes "$KUBERNETES_VERSION" build_kubernetes
}

# parts_estimate PART...: at a first run, says how long the missing parts take: core-minutes measured on one machine,
# divided by the cores of this one.
parts_estimate() {
  local part core_minutes=0
  for part in "$@"; do
    case $part in
      kubernetes) cache_has kubernetes "$KUBERNETES_VERSION" || ((core_minutes += 9)) ;;
      etcd) cache_has etcd "$ETCD_VERSION" || ((core_minutes += 1)) ;;
      kwok) cache_has kwok "$KWOK_VERSION" || ((core_minutes += 5)) ;;
    esac
  done
  ((core_minutes > 0)) || return 0
  need_go >/dev/null
  say "first run builds the Kubernetes control plane: about $(((core_minutes + BUILD_JOBS - 1) /
    BUILD_JOBS)) minutes on $BUILD_JOBS cores; it is kept in $CACHE_DIR"
}
