-- Makes a batch visible in one step, of which every job is staged and has claimed its id (claim_jobs). That is its places in the queues,
-- the sums and its events: 10,000 jobs some 10 ms, in which Redis does nothing else.
--   ARGV  prefix, epoch, batch id, batch record, keep_ms, entry (the batch's own event), how many parts, how many jobs, how many of these
--         were told of already,
--         cost and milliseconds of the others of priority u, then of n, of b,
--         then for u, n, b one text: "place id " of each of the others
-- Returns {'ok', id of the last outbox entry, flat counters} | {'missing'}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local events, claimed = prefix .. 'stage-events:' .. batch, prefix .. 'stage-claimed:' .. batch

-- A Redis that came back a moment older, between two claims, may lack some of the jobs.
if redis.call('LLEN', events) ~= tonumber(ARGV[8]) or redis.call('GET', claimed) ~= ARGV[8] then return {'missing'} end

redis.call('DEL', claimed)
if ARGV[9] ~= '0' then redis.call('LREM', events, 0, 'told') end
local at_once = 5000 -- what unpack takes is bounded, and even, so that pairs stay together
local keys = {batch}
for priority, letter in ipairs({'u', 'n', 'b'}) do
  local list, last = {}, 0
  for place, id in string.gmatch(ARGV[15 + priority], '(%d+) (%S+) ') do
    list[last + 1] = place
    list[last + 2] = id
    last = last + 2
    keys[#keys + 1] = id
  end
  for i = 1, last, at_once do
    redis.call('ZADD', prefix .. 'queue:' .. letter, unpack(list, i, math.min(i + at_once - 1, last)))
  end
  add('queued:' .. letter, '', string.format('%d', last / 2))
  add('cost:' .. letter, '', ARGV[8 + 2 * priority])
  add('milliseconds:' .. letter, '', ARGV[9 + 2 * priority])
end

redis.call('SET', prefix .. 'batch:' .. batch, ARGV[4], 'PX', ARGV[5])
redis.call('SREM', prefix .. 'batches', batch)
for part = 1, tonumber(ARGV[7]) do redis.call('UNLINK', prefix .. 'batch:' .. batch .. ':part:' .. part) end
-- Later events of these jobs, and the batch's own, must not overtake the list.
redis.call('XADD', prefix .. 'outbox', '*', 'l', 'stage-events:' .. batch, 'before', table.concat(keys, ' '))
local last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[6])
return {'ok', last_entry, redis.call('HGETALL', counters)}
