-- Makes an instance the leader: its epoch must be above every earlier one.
--   ARGV  prefix, epoch, instance, now (RFC 3339)
local present = redis.call('HGET', meta, 'epoch')
if present and tonumber(present) >= tonumber(ARGV[2]) then
  return redis.error_reply('OPPEN_FENCED epoch ' .. present .. ' leads already, ' .. ARGV[2] .. ' is not above it')
end
redis.call('HSET', meta, 'epoch', ARGV[2], 'leader', ARGV[3], 'leader_since', ARGV[4])
return {'ok'}
