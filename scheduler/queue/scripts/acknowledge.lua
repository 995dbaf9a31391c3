-- The broker has acknowledged outbox entries: forgets them, and remembers how far `job-events` is known to reach.
--   ARGV  prefix, epoch, how many ids, ids, how many lists, lists, then pairs: partition next_offset
-- Returns the length of the outbox. A Redis that does not hold the entries any more is another one than they were read from: nothing is
-- remembered of them.
local refused = fenced(ARGV[2])
if refused then return refused end
local outbox = prefix .. 'outbox'
local ids = tonumber(ARGV[3])
local removed = 0
for i = 4, 3 + ids, 5000 do -- what unpack takes is bounded
  removed = removed + redis.call('XDEL', outbox, unpack(ARGV, i, math.min(i + 4999, 3 + ids)))
end
if removed ~= ids then
  return redis.error_reply('OPPEN_FENCED Redis holds ' .. removed .. ' of ' .. ids .. ' published outbox entries: it came back older')
end
local at = 4 + ids
local lists = tonumber(ARGV[at])
for i = at + 1, at + lists do redis.call('UNLINK', prefix .. ARGV[i]) end
for i = at + lists + 1, #ARGV, 2 do redis.call('HSET', meta, 'next:job-events:' .. ARGV[i], ARGV[i + 1]) end
return redis.call('XLEN', outbox)
