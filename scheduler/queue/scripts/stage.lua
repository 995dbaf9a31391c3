-- Puts a chunk of a batch aside, not yet visible. May be repeated.
--   ARGV  prefix, epoch, batch id, first ('1' when it begins the batch), then triples: id record event
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local events = prefix .. 'stage-events:' .. batch
if ARGV[4] == '1' then
  redis.call('DEL', events)
  forget_claims(batch)
end
local sets, pushed = {}, {}
for i = 5, #ARGV, 3 do
  sets[#sets + 1] = prefix .. 'stage:' .. batch .. ':' .. ARGV[i]
  sets[#sets + 1] = ARGV[i + 1]
  pushed[#pushed + 1] = ARGV[i + 2]
end
redis.call('MSET', unpack(sets))
redis.call('RPUSH', events, unpack(pushed))
return {'ok'}
