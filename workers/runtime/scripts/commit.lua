-- One change, all or nothing.
--   ARGV  prefix, token, version, then triples: hash, field, value ('': take it out). Of a hash with a '+' before it the value is added
--         to the field's number, unless that is none or becomes too large: then it stays as it is.
-- Refuses an instance that another has replaced, and one that goes on from what Redis does not hold: it has come back older.
local present = redis.call('HMGET', meta, 'owner', 'version')
if present[1] ~= ARGV[2] then
  return redis.error_reply('OPPEN_FENCED ' .. prefix .. ' belongs to ' .. tostring(present[1]))
end
if (present[2] or '0') ~= ARGV[3] then
  return redis.error_reply('OPPEN_FENCED ' .. prefix .. ' is at version ' .. tostring(present[2]) .. ', expected ' .. ARGV[3])
end
for i = 4, #ARGV, 3 do
  if string.sub(ARGV[i], 1, 1) == '+' then
    -- An error would end this half done, and whoever tries again would add the first half again.
    local added = redis.pcall('HINCRBY', prefix .. string.sub(ARGV[i], 2), ARGV[i + 1], ARGV[i + 2])
    if type(added) == 'table' and added.err then
      if not string.find(added.err, 'overflow') and not string.find(added.err, 'not an integer') then return added end
      redis.log(redis.LOG_WARNING, prefix .. ARGV[i] .. ' ' .. ARGV[i + 1] .. ' is not added to: ' .. added.err)
    end
  elseif ARGV[i + 2] == '' then
    redis.call('HDEL', prefix .. ARGV[i], ARGV[i + 1])
  else
    redis.call('HSET', prefix .. ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
end
return redis.call('HINCRBY', meta, 'version', 1)
