-- Makes a staged batch visible in one step, or says which of its ids exist already. Jobs that stand in their very places are the
-- batch's own: their events had reached the bus before Redis forgot that it was published. They stay as they are. Redis does nothing
-- else meanwhile: each job costs one call, the renaming, and 10,000 of them some 30 ms.
--   ARGV  prefix, epoch, batch id, batch record, keep_ms, entry (the batch's own event), how many parts, how many jobs,
--         cost and milliseconds of the jobs of priority u, then of n, of b,
--         then for u, n, b one text: "place id " of each job
-- Returns {'ok', id of the last outbox entry, flat counters} | {'exists', place, id, ...} | {'missing'}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local events = prefix .. 'stage-events:' .. batch
local staged_key, job_key = prefix .. 'stage:' .. batch .. ':', prefix .. 'job:'

-- Each staged job has its event there, written by the same script.
if redis.call('LLEN', events) ~= tonumber(ARGV[8]) then return {'missing'} end

local renamed = {{}, {}, {}} -- by priority: place, id, place, id
local fresh = {}             -- ids, in order
local own = {}               -- {priority, place, id}
local answer = {'exists'}
for priority = 1, 3 do
  local list = renamed[priority]
  local last = 0
  for place, id in string.gmatch(ARGV[14 + priority], '(%d+) (%S+) ') do
    if redis.call('RENAMENX', staged_key .. id, job_key .. id) == 1 then
      list[last + 1] = place
      list[last + 2] = id
      last = last + 2
      fresh[#fresh + 1] = id
    else
      local present = parse(redis.call('GETRANGE', job_key .. id, 0, 250))
      if present and present.place == place then
        own[#own + 1] = {priority, place, id}
      elseif #answer <= 2000 then
        answer[#answer + 1] = place
        answer[#answer + 1] = id
      end
    end
  end
end
if #answer > 1 then
  for _, id in ipairs(fresh) do redis.call('RENAME', job_key .. id, staged_key .. id) end
  return answer
end

local sums = {}
for priority = 1, 3 do
  sums[priority] = {cost = tonumber(ARGV[7 + 2 * priority]), milliseconds = tonumber(ARGV[8 + 2 * priority])}
end
for _, job in ipairs(own) do
  local priority, place, id = unpack(job)
  local header = parse(redis.call('GETRANGE', staged_key .. id, 0, 250))
  sums[priority].cost = sums[priority].cost - tonumber(header.cost)
  sums[priority].milliseconds = sums[priority].milliseconds - tonumber(header.milliseconds)
  redis.call('UNLINK', staged_key .. id)
  redis.call('LSET', events, tonumber(place) % 16384, 'told')
end
if #own > 0 then redis.call('LREM', events, 0, 'told') end

local at_once = 5000 -- what unpack takes is bounded, and even, so that pairs stay together
for priority, letter in ipairs({'u', 'n', 'b'}) do
  local list = renamed[priority]
  for i = 1, #list, at_once do
    redis.call('ZADD', prefix .. 'queue:' .. letter, unpack(list, i, math.min(i + at_once - 1, #list)))
  end
  add('queued:' .. letter, '', tostring(#list / 2))
  add('cost:' .. letter, '', string.format('%d', sums[priority].cost))
  add('milliseconds:' .. letter, '', string.format('%d', sums[priority].milliseconds))
end

redis.call('SET', prefix .. 'batch:' .. batch, ARGV[4], 'PX', ARGV[5])
redis.call('SREM', prefix .. 'batches', batch)
for part = 1, tonumber(ARGV[7]) do redis.call('UNLINK', prefix .. 'batch:' .. batch .. ':part:' .. part) end
-- Later events of these jobs, and the batch's own, must not overtake the list.
redis.call('XADD', prefix .. 'outbox', '*', 'l', 'stage-events:' .. batch, 'before', batch .. ' ' .. table.concat(fresh, ' '))
local last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[6])
return {'ok', last_entry, redis.call('HGETALL', counters)}
