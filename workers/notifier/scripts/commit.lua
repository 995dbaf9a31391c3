-- One change, all or nothing.
--   ARGV  prefix, token, version, next ('': as it was), how many deliveries are kept, then operations:
--         W field entry          is to be told
--         F field                is not any more
--         R receipt              what became of a delivery
--         C route milliseconds   its canary was sent
-- Refuses an instance that is not the one that delivers any more, and one that goes on from what Redis does not hold: it has come
-- back older.
local present = redis.call('HMGET', state, 'token', 'version')
if present[1] ~= ARGV[2] then
  return redis.error_reply('OPPEN_FENCED another instance delivers: ' .. tostring(present[1]))
end
if (present[2] or '0') ~= ARGV[3] then
  return redis.error_reply('OPPEN_FENCED the state is at version ' .. tostring(present[2]) .. ', expected ' .. ARGV[3])
end
local i = 6
while i <= #ARGV do
  local what = ARGV[i]
  if what == 'W' then
    redis.call('HSET', prefix .. 'waiting', ARGV[i + 1], ARGV[i + 2])
    i = i + 3
  elseif what == 'F' then
    redis.call('HDEL', prefix .. 'waiting', ARGV[i + 1])
    i = i + 2
  elseif what == 'R' then
    redis.call('XADD', prefix .. 'deliveries', 'MAXLEN', '~', ARGV[5], '*', 'receipt', ARGV[i + 1])
    i = i + 2
  else
    redis.call('HSET', state, 'canary:' .. ARGV[i + 1], ARGV[i + 2])
    i = i + 3
  end
end
if ARGV[4] ~= '' then redis.call('HSET', state, 'next', ARGV[4]) end
return redis.call('HINCRBY', state, 'version', 1)
