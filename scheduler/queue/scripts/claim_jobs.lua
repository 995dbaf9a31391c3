-- Gives some of a staged batch's jobs their ids: from now on no other job can take them. They stand in no queue and in no sum before
-- publish_batch makes the whole batch visible; unstage takes them back. Some at a time, so that Redis is never busy for long. A job that
-- stands in its very place is the batch's own: its event had reached the bus before Redis forgot that the batch was published. It stays
-- as it is, and is left out of what is still to be told. Each job is checked and written by one call, whatever becomes of the others.
-- What publish_batch needs of the others is made ready here: it has no time for each job.
--   ARGV  prefix, epoch, batch id, the set in which all of these are to wait ("queue:n"), "place id " of each
-- Returns {told: cost, milliseconds, user, ... of the batch's own; taken: place, id, ... of which another job has the id}
local refused = fenced(ARGV[2])
if refused then return refused end
local batch = ARGV[3]
local staged_key, job_key = prefix .. 'stage:' .. batch .. ':', prefix .. 'job:'

local order, ids, told, taken = {}, {}, {}, {}
for place, id in string.gmatch(ARGV[5], '(%d+) (%S+) ') do
  if redis.call('RENAMENX', staged_key .. id, job_key .. id) == 1 then
    order[#order + 1] = place
    order[#order + 1] = id
    ids[#ids + 1] = id
  else
    local present = parse(redis.call('GETRANGE', job_key .. id, 0, 250))
    if present and present.place == place then
      local header = parse(redis.call('GETRANGE', staged_key .. id, 0, 250))
      told[#told + 1] = header.cost
      told[#told + 1] = header.milliseconds
      told[#told + 1] = header.user
      redis.call('UNLINK', staged_key .. id)
      redis.call('LSET', prefix .. 'stage-events:' .. batch, tonumber(place) % 16384, 'told')
    else
      taken[#taken + 1] = place
      taken[#taken + 1] = id
    end
  end
end
if #ids > 0 then
  redis.call('RPUSH', prefix .. 'stage-order:' .. batch .. ':' .. ARGV[4], unpack(order))
  redis.call('APPEND', prefix .. 'stage-ids:' .. batch, ' ' .. table.concat(ids, ' '))
end
redis.call('INCRBY', prefix .. 'stage-claimed:' .. batch, #ids + #told / 3)
return {told, taken}
