-- Takes back some of the jobs of a batch that is given up or begun again, the last of those that are left: what is staged of them, and
-- the ids that were claimed for them. A claimed job says that it is queued, and stands in no queue. May be repeated, also by a later leader.
--   ARGV  prefix, epoch, batch id, how many
-- Returns how many are left.
local refused = fenced(ARGV[2])
if refused then return refused end
local batch, most = ARGV[3], tonumber(ARGV[4])
local events = prefix .. 'stage-events:' .. batch
local left = math.max(redis.call('LLEN', events) - most, 0)
local gone = {}
for i, event in ipairs(redis.call('LRANGE', events, left, -1)) do
  local id = string.match(event, '^[^\n]*\n([^\n]*)\n') -- the event's key; 'told' has none
  if id then
    gone[#gone + 1] = prefix .. 'stage:' .. batch .. ':' .. id
    local job = parse(redis.call('GETRANGE', prefix .. 'job:' .. id, 0, 250))
    if job and job.state == 'q' and tonumber(job.place) % 16384 == left + i - 1 and
       not redis.call('ZSCORE', waiting_set(job), id) then
      gone[#gone + 1] = prefix .. 'job:' .. id
    end
  end
end
if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
if left > 0 then
  redis.call('LTRIM', events, 0, left - 1)
else
  redis.call('DEL', events)
  forget_claims(batch)
end
return left
