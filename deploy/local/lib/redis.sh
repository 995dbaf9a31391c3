# shellcheck shell=bash
# Redis, as the workers want it: every write in the append-only file within a second, nothing ever evicted. Needs STATE_DIR
# and PORT.

redis_url() { echo "redis://127.0.0.1:${PORT[redis]}/0"; }

redis_start() {
  local dir=$STATE_DIR/redis
  process_runs redis && return
  ports_must_be_free redis
  mkdir -p "$dir"
  cat >"$dir/redis.conf" <<SETTINGS
bind 127.0.0.1
port ${PORT[redis]}
dir $dir
daemonize no
appendonly yes
appendfsync everysec
# A rewrite takes a core for a second: not after every few batches. Nobody waits for the disk meanwhile: what Redis forgets when the
# machine goes down is healed from the log.
auto-aof-rewrite-min-size 256mb
auto-aof-rewrite-percentage 200
no-appendfsync-on-rewrite yes
save ""
maxmemory-policy noeviction
SETTINGS
  say "Redis: starting on ${PORT[redis]}"
  process_start redis redis-server "$dir/redis.conf"
}

redis_ready() { [[ $(redis-cli -p "${PORT[redis]}" ping) == PONG ]]; }
