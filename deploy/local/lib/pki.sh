# shellcheck shell=bash
# The local cluster's certificates and tokens: an authority of its own, the API server's certificate, the one by which it
# calls a kubelet, the key that signs service-account tokens, and a token for each part. Needs STATE_DIR and PORT.

pki_dir() { echo "$STATE_DIR/kubernetes/pki"; }

# pki_certificate NAME SUBJECT EXTENSION: NAME.key and NAME.crt, signed by the authority.
pki_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "$2" -keyout "$1.key" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile <(echo "$3") -out "$1.crt"
  rm "$1.csr"
}

# pki_create: makes what is missing.
pki_create() {
  local dir
  dir=$(pki_dir)
  [[ -f $dir/complete ]] && return
  mkdir -p "$dir"
  (
    umask 077
    cd "$dir"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=oppen-local -days 3650 \
      -keyout ca.key -out ca.crt
    pki_certificate apiserver /CN=kube-apiserver \
      $'extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc'
    pki_certificate kubelet-client /O=system:masters/CN=kube-apiserver extendedKeyUsage=clientAuth
    openssl ecparam -genkey -name prime256v1 -noout -out service-account.key # the form that the API server reads
    local user token
    for user in admin controller-manager scheduler kwok; do
      token=$(openssl rand -hex 24)
      case $user in
        scheduler) echo "$token,system:kube-scheduler,$user" ;;
        *) echo "$token,$user,$user,system:masters" ;;
      esac >>tokens.csv
      kubeconfig_write "../$user.kubeconfig" "$token"
    done
    touch complete
  ) >"$STATE_DIR/log/pki.log" 2>&1 || die "the cluster's certificates could not be made; see $STATE_DIR/log/pki.log"
}

# kubeconfig_write FILE TOKEN: for this stack's API server.
kubeconfig_write() {
  cat >"$1" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: oppen-local
contexts:
  - {name: oppen-local, context: {cluster: oppen-local, user: oppen-local, namespace: $NAMESPACE}}
clusters:
  - name: oppen-local
    cluster:
      server: https://127.0.0.1:${PORT[apiserver]}
      certificate-authority: $(pki_dir)/ca.crt
users:
  - {name: oppen-local, user: {token: $2}}
KUBECONFIG
}
