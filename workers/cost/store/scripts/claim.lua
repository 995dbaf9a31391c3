-- Makes an instance the owner of a partition, whoever was.
--   ARGV  prefix, partition, token (used by nobody before)
-- Returns {version, next, costs, runs, tried:job-events, tried:runs, telemetry, tried:telemetry}, each '' when there is none.
redis.call('HSET', partition, 'token', ARGV[3])
local known = redis.call('HMGET', partition, 'version', 'next', 'costs', 'runs', 'tried:job-events', 'tried:runs',
  'telemetry', 'tried:telemetry')
for i = 1, #known do known[i] = known[i] or '' end
return known
