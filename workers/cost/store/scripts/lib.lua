-- Shared by the scripts below: the build puts this text before each of them.
--
-- Keys, all behind the prefix in ARGV[1] (one hash tag, so that they live in one slot); P is the number of a partition:
--   partition:P    hash: token (of the instance that owns it), version (one more with each change), next, runs and telemetry (the
--                  offsets of job-events, runs and telemetry from which to go on), costs (the offset of costs up to which everything is accounted for),
--                  tried:<topic> (who is trying the record that comes next)
--   open:P         hash: job id -> its attempts, of jobs of which something runs or is not charged yet
--   settled:<id>   the same of a job of which everything is charged, for as long as events of it may come again, where its run (below)
--                  is not kept for as long
--   usage:P        hash: job id/attempt -> what telemetry has told of it, while it is not charged to its end
--   advise:P       sorted set: the runs of which it is still to be published what could have been saved, by from when on
--   policies       hash: offset in control -> what that policy says of rates
--   cluster        the id of the Kafka cluster whose events these are, a blank, and in which form all of this is written
--   outbox:P       list: the last charges, which are on the bus once the next ones are here, or `costs` says so
--
-- and the books. An id is a job's, or ":" and the run_id of a run from outside:
--   day:<YYYY-MM-DD>   hash: letter of an amount and a JSON array of what it is told by -> what was charged for that day. 400 days
--   day-version:<YYYY-MM-DD>   token and version of the partition with which that hash was changed last: another one with each change;
--                      none where it was an instance that did not write these yet
--   run:<id>           the record of a run, see encode_run, with its attempts once all of them are charged. 90 days after its end, like
--                      all that follow
--   epochs:<id>        list: what its last epochs took, in seconds
--   runs:<YYYY-MM-DD>:<slice>  sorted set: the ids of runs that were charged for that day and began in a slice of it (see day_slice),
--                      by when they began
--   runs:<YYYY-MM-DD>  sorted set: the slices of which there is one
--   history:<model>    sorted set: the last 1,000 finished runs of a model type, by when they ended
--   names:<part>       hash: name -> when the latest run of that name began, a blank, its id; see name_part
--   run-id:<run_id>    the id of the job that is tracked as this run
--   accuracies:<id>    list: the accuracy that each of its epochs told
--   recommended:<model>       hash: strategy and work -> the last recommendation for it that no run has followed yet
--   recommended-when:<model>  sorted set: the same fields, by when the run ended of which it is; the last 450
--   followed:<model>   hash: strategy:followed, strategy:kept, strategy:saved -> how many recommendations were followed, how many of
--                      these saved what they promised, and the sum of what they saved in percent. 90 days after the last one
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
