-- Makes a staged batch visible in one step, or says which of its ids exist already. Whatever grows with the batch is one call for
-- thousands of jobs, but for the renaming: 10,000 jobs hold Redis up for some 40 ms.
--   ARGV  prefix, epoch, batch id, batch record, keep_ms, entry (the batch's own event), how many parts,
--         cost and milliseconds of the jobs of priority u, then of n, of b,
--         then for u, n, b: how many jobs, and for each place id
-- Returns {'ok', id of the last outbox entry, flat counters} | {'exists', id, ...} | {'missing'}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local at_once = 5000 -- what unpack takes is bounded, and even, so that pairs stay together

local function in_chunks(list, first, last, call)
  for i = first, last, at_once do call(unpack(list, i, math.min(i + at_once - 1, last))) end
end
local function how_many_exist(keys)
  local found = 0
  in_chunks(keys, 1, #keys, function(...) found = found + redis.call('EXISTS', ...) end)
  return found
end

local ids, jobs, staged = {}, {}, {}
local orders = {}
local at = 14
for _, priority in ipairs({'u', 'n', 'b'}) do
  local count = tonumber(ARGV[at])
  orders[priority] = {first = at + 1, last = at + 2 * count, count = count}
  for i = at + 2, at + 2 * count, 2 do
    local id = ARGV[i]
    ids[#ids + 1] = id
    jobs[#jobs + 1] = prefix .. 'job:' .. id
    staged[#staged + 1] = prefix .. 'stage:' .. batch .. ':' .. id
  end
  at = at + 2 * count + 1
end

if how_many_exist(jobs) > 0 then
  local answer = {'exists'}
  for i, id in ipairs(ids) do
    if #answer <= 1000 and redis.call('EXISTS', jobs[i]) == 1 then answer[#answer + 1] = id end
  end
  return answer
end
if how_many_exist(staged) < #ids then return {'missing'} end

for i, key in ipairs(staged) do redis.call('RENAME', key, jobs[i]) end
for i, priority in ipairs({'u', 'n', 'b'}) do
  local order = orders[priority]
  local queue = prefix .. 'queue:' .. priority
  in_chunks(ARGV, order.first, order.last, function(...) redis.call('ZADD', queue, ...) end)
  add('queued:' .. priority, '', tostring(order.count))
  add('cost:' .. priority, '', ARGV[6 + 2 * i])
  add('milliseconds:' .. priority, '', ARGV[7 + 2 * i])
end

redis.call('SET', prefix .. 'batch:' .. batch, ARGV[4], 'PX', ARGV[5])
redis.call('SREM', prefix .. 'batches', batch)
for part = 1, tonumber(ARGV[7]) do redis.call('UNLINK', prefix .. 'batch:' .. batch .. ':part:' .. part) end
-- Later events of these jobs, and the batch's own, must not overtake the list.
redis.call('XADD', prefix .. 'outbox', '*', 'l', 'stage-events:' .. batch, 'before', batch .. ' ' .. table.concat(ids, ' '))
local last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[6])
return {'ok', last_entry, redis.call('HGETALL', counters)}
