-- Shared by the scripts below: the build puts this text before each of them.
--
-- Keys, all behind the prefix in ARGV[1] (one hash tag, so that they live in one slot):
--   job:<id>            the record of a job: header line, newline, detail; one that is queued and in no queue is claimed by a batch
--                       that is not visible yet
--   queue:<u|n|b>       sorted set of queued job ids by place
--   window:<u|n|b>      the same, of those that only go while the off-peak window is open
--   retry:<u|n|b>       the same, of those that are held for a while after a failed attempt
--   dependent:<u|n|b>   the same, of those that wait for other jobs
--   budget:<u|n|b>      the same, of those that a budget has no room for
--   dependents:<id>     set of the job ids that may wait for this one
--   settling            set of the ids of ended jobs whose dependents have not been told yet
--   live                sorted set of job ids with a live attempt, by place
--   ended               sorted set of ended job ids, by the end in milliseconds
--   counters            hash of sums over the records, changed only here
--   users               hash: how many jobs of each user have not ended
--   meta                hash: epoch, next offsets by topic, cluster id, leader
--   unseen              hash: <second, in steps> <team> <project> -> what attempts were estimated at that ended then, for budgets
--   durations           hash: what has been learned of how long runs take
--   nodes               hash: node -> what was told of it last (node.observed), and when
--   outbox              stream of events not yet acknowledged by the broker
--   stage:<batch>:<id>  a record of a batch that is not visible yet; stage-events:<batch> its events;
--                       stage-claimed:<batch> how many of its jobs have claimed their ids, stage-ids:<batch> which,
--                       stage-order:<batch>:<u|n|b> places and ids
local prefix = ARGV[1]
local meta = prefix .. 'meta'
local counters = prefix .. 'counters'

-- Refuses a writer whose epoch is not the present one: a paused old leader must not change anything.
local function fenced(epoch)
  local present = redis.call('HGET', meta, 'epoch')
  if present ~= epoch then
    return redis.error_reply('OPPEN_FENCED epoch ' .. epoch .. ' does not lead, ' .. tostring(present) .. ' does')
  end
  return nil
end

local header_pattern = '^(%a) (%d+) (%d+) (%a) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ([-%a]) %d+ %d+ %d+ %d+ (%S+)'

local function parse(record)
  local state, version, _, priority, _, place, gpus, cpu, memory, cost, milliseconds, hold, user =
    string.match(record, header_pattern)
  if not state then return nil end
  return {state = state, version = version, priority = priority, place = place, gpus = gpus, cpu = cpu,
          memory = memory, cost = cost, milliseconds = milliseconds, hold = hold, user = user}
end

-- The sorted set in which a queued job waits, by what holds it.
local set_of_hold = {['-'] = 'queue:', a = 'queue:', w = 'window:', o = 'window:', t = 'retry:', d = 'dependent:', b = 'budget:'}
local function waiting_set(header) return prefix .. set_of_hold[header.hold] .. header.priority end

local live_states = {l = true, r = true, x = true}

-- Adds a number (as text) to a sum, or takes it away (sign '-'). Redis takes "-0" for no number.
local function add(field, sign, number)
  if number ~= '0' then redis.call('HINCRBY', counters, field, sign .. number) end
end

-- Adds a record's part to the sums (sign '') or takes it out (sign '-').
local function count(header, sign)
  if header.state == 'q' then
    add('queued:' .. header.priority, sign, '1')
    add('cost:' .. header.priority, sign, header.cost)
    add('milliseconds:' .. header.priority, sign, header.milliseconds)
    return
  end
  add('state:' .. header.priority .. ':' .. header.state, sign, '1')
  if live_states[header.state] then
    add('pods:' .. header.priority, sign, '1')
    add('gpus:' .. header.priority, sign, header.gpus)
    add('cpu:' .. header.priority, sign, header.cpu)
    add('memory:' .. header.priority, sign, header.memory)
  end
end

-- The field that sums the estimates of the live attempts of a team and project ("<team> <project>").
local function committed_field(pair) return 'committed:' .. pair end

-- By what sum of its team and project a record's estimate counts towards budgets: a live attempt's is committed, that of a job that waits and
-- for which room is kept is reserved; nil: by none.
local function budget_field(header, pair)
  if live_states[header.state] then return committed_field(pair) end
  if header.state == 'q' and (header.hold == 'a' or header.hold == 'o') then return 'reserved:' .. pair end
end

-- Adds a record's estimate to that sum (sign ''), or takes it out. There is no field for nothing.
local function commit_cost(header, pair, sign)
  local field, cost = budget_field(header, pair), header.cost
  if field and cost ~= '0' and redis.call('HINCRBY', counters, field, sign .. cost) == 0 then redis.call('HDEL', counters, field) end
end

-- Adds to the jobs of a user that have not ended.
local function count_user(user, jobs)
  if redis.call('HINCRBY', prefix .. 'users', user, jobs) == 0 then redis.call('HDEL', prefix .. 'users', user) end
end

local function is_open(header) return header and (header.state == 'q' or live_states[header.state]) end

-- What claim_jobs has made ready.
local function forget_claims(batch)
  redis.call('UNLINK', prefix .. 'stage-claimed:' .. batch, prefix .. 'stage-ids:' .. batch)
  for _, set in pairs(set_of_hold) do
    for _, letter in ipairs({'u', 'n', 'b'}) do redis.call('UNLINK', prefix .. 'stage-order:' .. batch .. ':' .. set .. letter) end
  end
end
