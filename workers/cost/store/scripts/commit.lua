-- One change of a partition, all or nothing: jobs, charges, and the offsets from which to go on.
--   ARGV  prefix, partition, token, version, next ('': as it was), costs ('': as it was), how long settled jobs are kept in
--         milliseconds, then operations:
--         O id job    something of it is open
--         S id job    everything is charged
--         E entry     a charge, to be published
-- `costs` given: what was to be published before is on the bus, and is forgotten. Charges are only added when that is so.
local refused = fenced(ARGV[3], ARGV[4])
if refused then return refused end

local open = prefix .. 'open:' .. ARGV[2]
local outbox = prefix .. 'outbox:' .. ARGV[2]
if ARGV[6] ~= '' then
  redis.call('DEL', outbox)
  redis.call('HSET', partition, 'costs', ARGV[6])
end
local i = 8
while i <= #ARGV do
  local operation = ARGV[i]
  if operation == 'O' then
    redis.call('HSET', open, ARGV[i + 1], ARGV[i + 2])
    redis.call('DEL', prefix .. 'settled:' .. ARGV[i + 1])
    i = i + 3
  elseif operation == 'S' then
    redis.call('HDEL', open, ARGV[i + 1])
    redis.call('SET', prefix .. 'settled:' .. ARGV[i + 1], ARGV[i + 2], 'PX', ARGV[7])
    i = i + 3
  else
    redis.call('RPUSH', outbox, ARGV[i + 1])
    i = i + 2
  end
end
if ARGV[5] ~= '' then redis.call('HSET', partition, 'next', ARGV[5]) end
return redis.call('HINCRBY', partition, 'version', 1)
