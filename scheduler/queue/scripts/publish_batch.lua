-- Makes a staged batch visible in one step, or says which of its ids exist already. Jobs that stand in their very places are the
-- batch's own: their events had reached the bus before Redis forgot that it was published. They stay as they are. Whatever grows with the batch is one call for
-- thousands of jobs, but for the renaming: 10,000 jobs hold Redis up for some 40 ms.
--   ARGV  prefix, epoch, batch id, batch record, keep_ms, entry (the batch's own event), how many parts,
--         cost and milliseconds of the jobs of priority u, then of n, of b,
--         then for u, n, b one text: "place id " of each job
-- Returns {'ok', id of the last outbox entry, flat counters} | {'exists', place, id, ...} | {'missing'}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local at_once = 5000 -- what unpack takes is bounded, and even, so that pairs stay together

local function in_chunks(list, first, last, call)
  for i = first, last, at_once do call(unpack(list, i, math.min(i + at_once - 1, last))) end
end
local ids, places, jobs, staged = {}, {}, {}, {}
local counts = {}
for i = 1, 3 do
  local before = #ids
  for place, id in string.gmatch(ARGV[13 + i], '(%d+) (%S+) ') do
    ids[#ids + 1] = id
    places[#ids] = place
    jobs[#ids] = prefix .. 'job:' .. id
    staged[#ids] = prefix .. 'stage:' .. batch .. ':' .. id
  end
  counts[i] = #ids - before
end

local own = {} -- by index in ids
local existing = 0
in_chunks(jobs, 1, #jobs, function(...) existing = existing + redis.call('EXISTS', ...) end)
if existing > 0 then
  local answer = {'exists'}
  for i, id in ipairs(ids) do
    local present = parse(redis.call('GETRANGE', jobs[i], 0, 250))
    if present and present.place == places[i] then
      own[i] = true
    elseif present and #answer <= 2000 then
      answer[#answer + 1] = places[i]
      answer[#answer + 1] = id
    end
  end
  if #answer > 1 then return answer end
end
-- Each staged job has its event there, written by the same script.
local events = prefix .. 'stage-events:' .. batch
if redis.call('LLEN', events) ~= #ids then return {'missing'} end

local fresh = {}
local index = 0
for i, priority in ipairs({'u', 'n', 'b'}) do
  local count, cost, milliseconds = counts[i], tonumber(ARGV[6 + 2 * i]), tonumber(ARGV[7 + 2 * i])
  local entries = {}
  for _ = 1, counts[i] do
    index = index + 1
    if own[index] then
      local header = parse(redis.call('GETRANGE', staged[index], 0, 250))
      count, cost, milliseconds = count - 1, cost - tonumber(header.cost), milliseconds - tonumber(header.milliseconds)
      redis.call('UNLINK', staged[index])
      redis.call('LSET', events, tonumber(places[index]) % 16384, 'told')
    else
      fresh[#fresh + 1] = ids[index]
      entries[#entries + 1] = places[index]
      entries[#entries + 1] = ids[index]
      redis.call('RENAME', staged[index], jobs[index])
    end
  end
  local queue = prefix .. 'queue:' .. priority
  in_chunks(entries, 1, #entries, function(...) redis.call('ZADD', queue, ...) end)
  add('queued:' .. priority, '', tostring(count))
  add('cost:' .. priority, '', string.format('%d', cost))
  add('milliseconds:' .. priority, '', string.format('%d', milliseconds))
end
if #fresh < #ids then redis.call('LREM', events, 0, 'told') end

redis.call('SET', prefix .. 'batch:' .. batch, ARGV[4], 'PX', ARGV[5])
redis.call('SREM', prefix .. 'batches', batch)
for part = 1, tonumber(ARGV[7]) do redis.call('UNLINK', prefix .. 'batch:' .. batch .. ':part:' .. part) end
-- Later events of these jobs, and the batch's own, must not overtake the list.
redis.call('XADD', prefix .. 'outbox', '*', 'l', 'stage-events:' .. batch, 'before', batch .. ' ' .. table.concat(fresh, ' '))
local last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[6])
return {'ok', last_entry, redis.call('HGETALL', counters)}
