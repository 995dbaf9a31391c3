-- Makes a staged batch visible in one step, or says which of its ids exist already.
--   ARGV  prefix, epoch, batch id, batch record, keep_ms, entry (the batch's own event), how many parts, then the job ids in order
-- Returns {'ok', id of the last outbox entry, flat counters} | {'exists', id, ...} | {'missing', id}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local stage = prefix .. 'stage:' .. batch .. ':'

local existing = {}
for i = 8, #ARGV do
  if redis.call('EXISTS', prefix .. 'job:' .. ARGV[i]) == 1 then existing[#existing + 1] = ARGV[i] end
end
if #existing > 0 then return {'exists', unpack(existing, 1, math.min(#existing, 1000))} end

local headers = {}
for i = 8, #ARGV do
  local header = parse(redis.call('GETRANGE', stage .. ARGV[i], 0, 250))
  if not header then return {'missing', ARGV[i]} end
  headers[i] = header
end

local order = {u = {}, n = {}, b = {}}
local sums = {u = {0, 0, 0}, n = {0, 0, 0}, b = {0, 0, 0}}
for i = 8, #ARGV do
  local id, header = ARGV[i], headers[i]
  local key = prefix .. 'job:' .. id
  redis.call('RENAME', stage .. id, key)
  redis.call('PERSIST', key)
  local members = order[header.priority]
  members[#members + 1] = header.place
  members[#members + 1] = id
  if #members == 1000 then
    redis.call('ZADD', prefix .. 'queue:' .. header.priority, unpack(members))
    order[header.priority] = {}
  end
  local sum = sums[header.priority]
  sum[1], sum[2], sum[3] = sum[1] + 1, sum[2] + tonumber(header.cost), sum[3] + tonumber(header.milliseconds)
end
for priority, members in pairs(order) do
  if #members > 0 then redis.call('ZADD', prefix .. 'queue:' .. priority, unpack(members)) end
  local sum = sums[priority]
  redis.call('HINCRBY', counters, 'queued:' .. priority, sum[1])
  redis.call('HINCRBY', counters, 'cost:' .. priority, string.format('%d', sum[2]))
  redis.call('HINCRBY', counters, 'milliseconds:' .. priority, string.format('%d', sum[3]))
end

redis.call('SET', prefix .. 'batch:' .. batch, ARGV[4], 'PX', ARGV[5])
redis.call('SREM', prefix .. 'batches', batch)
for part = 1, tonumber(ARGV[7]) do redis.call('UNLINK', prefix .. 'batch:' .. batch .. ':part:' .. part) end
redis.call('PERSIST', prefix .. 'stage-events:' .. batch)
redis.call('XADD', prefix .. 'outbox', '*', 'l', 'stage-events:' .. batch)
local last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[6])
return {'ok', last_entry, redis.call('HGETALL', counters)}
