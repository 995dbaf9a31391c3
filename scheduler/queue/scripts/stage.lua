-- Puts a chunk of a batch aside, not yet visible. May be repeated.
--   ARGV  prefix, epoch, batch id, keep_ms, first ('1' when it begins the batch), then triples: id record event
local refused = fenced(ARGV[2])
if refused then return refused end
local batch, keep = ARGV[3], ARGV[4]
local events = prefix .. 'stage-events:' .. batch
if ARGV[5] == '1' then redis.call('DEL', events) end
for i = 6, #ARGV, 3 do
  redis.call('SET', prefix .. 'stage:' .. batch .. ':' .. ARGV[i], ARGV[i + 1], 'PX', keep)
  redis.call('RPUSH', events, ARGV[i + 2])
end
redis.call('PEXPIRE', events, keep)
return {'ok'}
