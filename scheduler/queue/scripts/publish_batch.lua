-- Makes a batch visible in one step, of which every job is staged and has claimed its id (claim_jobs). That is its places in the queues,
-- the sums and its events: 10,000 jobs of some users some 10 ms, in which Redis does nothing else.
--   ARGV  prefix, epoch, batch id, batch record, keep_ms, entry (the batch's own event), how many parts, how many jobs, how many of these
--         were told of already,
--         cost and milliseconds of the others of priority u, then of n, of b,
--         how many users the others have, then of each its name and how many jobs,
--         how many jobs outside the batch are waited for, these, then pairs: a job that is waited for, who waits for it
-- Returns {'ok', id of the last outbox entry, flat counters, size of `settling`} | {'missing'}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local events, claimed, ids = prefix .. 'stage-events:' .. batch, prefix .. 'stage-claimed:' .. batch, prefix .. 'stage-ids:' .. batch

-- A Redis that came back a moment older, between two claims, may lack some of the jobs.
if redis.call('LLEN', events) ~= tonumber(ARGV[8]) or redis.call('GET', claimed) ~= ARGV[8] then return {'missing'} end

if ARGV[9] ~= '0' then redis.call('LREM', events, 0, 'told') end
-- Later events of these jobs, and the batch's own, must not overtake the list.
redis.call('XADD', prefix .. 'outbox', '*', 'l', 'stage-events:' .. batch, 'before', batch .. (redis.call('GET', ids) or ''))
local last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[6])

local at_once = 1000 -- what unpack takes is bounded, and even, so that pairs stay together
for priority, letter in ipairs({'u', 'n', 'b'}) do
  local jobs = 0
  for _, set in pairs(set_of_hold) do
    local order = prefix .. 'stage-order:' .. batch .. ':' .. set .. letter
    local length = redis.call('LLEN', order)
    for i = 0, length - 1, at_once do
      redis.call('ZADD', prefix .. set .. letter, unpack(redis.call('LRANGE', order, i, i + at_once - 1)))
    end
    jobs = jobs + length / 2
    if length > 0 then redis.call('UNLINK', order) end
  end
  add('queued:' .. letter, '', string.format('%d', jobs))
  add('cost:' .. letter, '', ARGV[8 + 2 * priority])
  add('milliseconds:' .. letter, '', ARGV[9 + 2 * priority])
end

local at = 17
for _ = 1, tonumber(ARGV[16]) do
  count_user(ARGV[at], ARGV[at + 1])
  at = at + 2
end

-- Who waits for whom; what is no job of the batch may have ended meanwhile, and is looked at.
local outside = tonumber(ARGV[at])
for i = at + 1, at + outside do redis.call('SADD', prefix .. 'settling', ARGV[i]) end
for i = at + outside + 1, #ARGV, 2 do
  redis.call('SADD', prefix .. 'dependents:' .. ARGV[i], ARGV[i + 1])
  -- A job that was told of may have run, and ended, already.
  if ARGV[9] ~= '0' then redis.call('SADD', prefix .. 'settling', ARGV[i]) end
end

redis.call('UNLINK', claimed, ids)
redis.call('SET', prefix .. 'batch:' .. batch, ARGV[4], 'PX', ARGV[5])
redis.call('SREM', prefix .. 'batches', batch)
for part = 1, tonumber(ARGV[7]) do redis.call('UNLINK', prefix .. 'batch:' .. batch .. ':part:' .. part) end
return {'ok', last_entry, redis.call('HGETALL', counters), redis.call('SCARD', prefix .. 'settling')}
