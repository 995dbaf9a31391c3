# shellcheck shell=bash
# Kafka: one node, broker and controller in one. Needs STATE_DIR and PORT. KAFKA_JAVA: the flags of its Java.

KAFKA_JAVA=${KAFKA_JAVA:--Xmx512m}

kafka_brokers() { echo "127.0.0.1:${PORT[kafka]}"; }

kafka_classpath() { echo "$(cache_path kafka "$KAFKA_VERSION")/libs/*"; }

# The small programs of Kafka live for a second: the first compiler only, and a simple heap.
kafka_tool() { java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Xmx128m -cp "$(kafka_classpath)" "$@"; }

# kafka_configure: writes the settings and formats the storage, unless that is done.
kafka_configure() {
  local dir=$STATE_DIR/kafka
  mkdir -p "$dir"
  cat >"$dir/server.properties" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${PORT[kafka-controller]}
listeners=PLAINTEXT://127.0.0.1:${PORT[kafka]},CONTROLLER://127.0.0.1:${PORT[kafka-controller]}
advertised.listeners=PLAINTEXT://127.0.0.1:${PORT[kafka]}
controller.listener.names=CONTROLLER
log.dirs=$dir/data
auto.create.topics.enable=false
# one broker: nothing can be replicated
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# small: few partitions of the broker's own topics, little set aside for each segment and for the cleaner
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=8388608
# quick: a group that gathers is not waited for
group.initial.rebalance.delay.ms=0
# and after a restart the one controller does not wait for others, nor long for its former self
controller.quorum.election.timeout.ms=100
controller.quorum.election.backoff.max.ms=100
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
SETTINGS
  cat >"$dir/log4j2.yaml" <<'SETTINGS'
Configuration:
  Appenders:
    Console:
      name: out
      PatternLayout: {pattern: "%d{yyyy-MM-dd'T'HH:mm:ss.SSS} %p %c{1}: %m%n"}
  Loggers:
    Root: {level: info, AppenderRef: {ref: out}}
    Logger:
      - {name: org.apache.kafka.clients, level: warn}
      - {name: org.apache.kafka.common.config, level: warn} # a thousand lines of settings at each start
      - {name: kafka.server.KafkaConfig, level: warn}
      - {name: org.apache.kafka.controller, level: warn} # some lines for each partition
      - {name: org.apache.kafka.storage.internals.log, level: warn}
      - {name: kafka.cluster.Partition, level: warn}
      - {name: state.change.logger, level: warn}
SETTINGS
  [[ -f $dir/data/meta.properties ]] && return
  say "Kafka: formatting its storage"
  # An id that begins with - would be taken for an option.
  kafka_tool kafka.tools.StorageTool format --cluster-id "$(head -c 16 /dev/urandom | basenc --base64url | tr -d = | sed 's/^-/A/')" \
    --config "$dir/server.properties" >"$STATE_DIR/log/kafka-format.log" 2>&1 ||
    die "Kafka's storage could not be formatted; see $STATE_DIR/log/kafka-format.log"
}

kafka_start() {
  process_runs kafka && return
  ports_must_be_free kafka
  kafka_configure
  say "Kafka: starting on $(kafka_brokers)"
  # shellcheck disable=SC2086  # several flags
  process_start kafka java $KAFKA_JAVA \
    -Dlog4j2.configurationFile="$STATE_DIR/kafka/log4j2.yaml" -cp "$(kafka_classpath)" \
    kafka.Kafka "$STATE_DIR/kafka/server.properties"
}

kafka_ready() { kcat -b "$(kafka_brokers)" -L -m 2 | grep --quiet 'broker 1 at'; }

# kafka_topics BROKERS: waits for the brokers and creates the topics of the table.
kafka_topics() {
  kafka_tool "$LIB_DIR/Topics.java" "$1" "$LIB_DIR/topics" 2>"$STATE_DIR/log/topics.log" || {
    tail -n 5 "$STATE_DIR/log/topics.log" >&2
    die "the topics could not be created at $1"
  }
}
