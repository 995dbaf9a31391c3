# shellcheck shell=bash
# The versions of what the local stack runs, in one place: a new number here is a new cache entry.
# shellcheck disable=SC2034  # read by the files that source this one

KUBERNETES_VERSION=1.36.3
ETCD_VERSION=3.6.16
KWOK_VERSION=0.8.0
KAFKA_VERSION=4.3.1
SCALA_VERSION=2.13
LOG4J_VERSION=2.25.4 # the one among Kafka's jars; without its slf4j binding Kafka logs nowhere
GO_VERSION=1.26.0 # the least that builds this Kubernetes
