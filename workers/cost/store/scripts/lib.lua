-- Shared by the scripts below: the build puts this text before each of them.
--
-- Keys, all behind the prefix in ARGV[1] (one hash tag, so that they live in one slot); P is the number of a partition:
--   partition:P    hash: token (of the instance that owns it), version (one more with each change), next (the offset of job-events
--                  from which to go on), costs (the offset of costs up to which everything is accounted for)
--   open:P         hash: job id -> its attempts, of jobs of which something runs or is not charged yet
--   settled:<id>   the same of a job of which everything is charged, for as long as events of it may come again
--   policies       hash: offset in control -> what that policy says of rates
--   cluster        the id of the Kafka cluster whose events these are
--   outbox:P       list: the last charges, which are on the bus once the next ones are here, or `costs` says so
local prefix = ARGV[1]
local partition = prefix .. 'partition:' .. ARGV[2]

-- Refuses an instance that does not own the partition any more, and one that goes on from what Redis does not hold: it has come
-- back older.
local function fenced(token, version)
  local present = redis.call('HMGET', partition, 'token', 'version')
  if present[1] ~= token then
    return redis.error_reply('OPPEN_FENCED partition ' .. ARGV[2] .. ' belongs to ' .. tostring(present[1]))
  end
  if (present[2] or '0') ~= version then
    return redis.error_reply('OPPEN_FENCED partition ' .. ARGV[2] .. ' is at version ' .. tostring(present[2]) .. ', expected ' .. version)
  end
  return nil
end
