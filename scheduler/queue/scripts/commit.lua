-- One change of the queue, all or nothing: records, sums, order, events and the offset that caused it.
--   ARGV  prefix, epoch, topic ('' when no record caused it), offset, then operations:
--         J id expected_version record keep_ms ended_ms pair   write a job's record; pair: "<team> <project>", a word each
--         B team project most                             refuse all of it if afterwards the live attempts of the team and project ('*':
--                                                         of all) are estimated at more
--         C pair amount                                   set what the live attempts of a team and project are estimated at
--         N field amount                                  add to a field of `unseen`
--         E entry                                         append an event to the outbox
--         V key value keep_ms                             set a plain key (keep_ms 0: for good)
--         D key                                           delete a plain key
--         M field value                                   set a field of meta
--         H key field value                               set a field of a hash ('': take it out)
--         A key member                                    put a member into a set
--         R key member                                    take it out
-- Returns {'ok' | 'applied', id of the last outbox entry, flat counters, size of `settling`}. 'applied': this offset was
-- handled before.
local refused = fenced(ARGV[2])
if refused then return refused end

local topic, offset = ARGV[3], ARGV[4]
if topic ~= '' then
  local next_offset = redis.call('HGET', meta, 'next:' .. topic)
  if next_offset and tonumber(offset) < tonumber(next_offset) then
    return {'applied', '', redis.call('HGETALL', counters), 0}
  end
end

local operands = {J = 6, B = 3, C = 2, N = 2, E = 1, V = 3, D = 1, M = 2, H = 3, A = 2, R = 2}
local old = {}
local versions = {}
local states = {} -- live or not, as the operations so far leave them
local change = {} -- of what is committed, by pair
local bounds = {}

-- First every check, then every write: a script is not rolled back.
local i = 5
while i <= #ARGV do
  local operation = ARGV[i]
  if operation == 'J' then
    local id, expected = ARGV[i + 1], ARGV[i + 2]
    -- One commit may write a record more than once: each goes on from the one before.
    if not versions[id] then
      old[id] = parse(redis.call('GETRANGE', prefix .. 'job:' .. id, 0, 250))
      versions[id] = old[id] and old[id].version or '0'
      states[id] = old[id] and live_states[old[id].state] and tonumber(old[id].cost) or 0
    end
    if versions[id] ~= expected then
      return redis.error_reply('OPPEN_CONFLICT job ' .. id .. ' is at version ' .. versions[id] .. ', expected ' .. expected)
    end
    local header = parse(ARGV[i + 3])
    versions[id] = header.version
    local cost = live_states[header.state] and tonumber(header.cost) or 0
    change[ARGV[i + 6]] = (change[ARGV[i + 6]] or 0) + cost - states[id]
    states[id] = cost
  elseif operation == 'B' then
    bounds[#bounds + 1] = {ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])}
  end
  i = i + operands[operation] + 1
end

if #bounds > 0 then
  local committed = {}
  local fields = redis.call('HGETALL', counters)
  for f = 1, #fields, 2 do
    local pair = string.match(fields[f], '^committed:(.+)$')
    if pair then committed[pair] = tonumber(fields[f + 1]) end
  end
  for pair, amount in pairs(change) do committed[pair] = (committed[pair] or 0) + amount end
  for _, bound in ipairs(bounds) do
    local sum = 0
    for pair, amount in pairs(committed) do
      local team, project = string.match(pair, '^(%S+) (%S+)$')
      if (bound[1] == '*' or bound[1] == team) and (bound[2] == '*' or bound[2] == project) then sum = sum + amount end
    end
    if sum > bound[3] then
      return redis.error_reply('OPPEN_CONFLICT the budget of ' .. bound[1] .. ' ' .. bound[2] .. ' has room for ' ..
        string.format('%d, not for %d', bound[3], sum))
    end
  end
end

local last_entry = ''
i = 5
while i <= #ARGV do
  local operation = ARGV[i]
  if operation == 'J' then
    local id, record, keep, ended = ARGV[i + 1], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]
    local key = prefix .. 'job:' .. id
    local before, after = old[id], parse(record)
    if keep == '0' then redis.call('SET', key, record) else redis.call('SET', key, record, 'PX', keep) end
    if before then count(before, '-') end
    count(after, '')
    if is_open(before) then
      if not is_open(after) then count_user(before.user, -1) end
    elseif is_open(after) then
      count_user(after.user, 1)
    end
    local was_queued = before and before.state == 'q'
    local old_set = was_queued and waiting_set(before)
    local new_set = after.state == 'q' and waiting_set(after)
    if old_set and old_set ~= new_set then redis.call('ZREM', old_set, id) end
    if new_set then redis.call('ZADD', new_set, after.place, id) end
    local was_live = before and live_states[before.state]
    if before then commit_cost(before, ARGV[i + 6], '-') end
    commit_cost(after, ARGV[i + 6], '')
    if live_states[after.state] then
      if not was_live then redis.call('ZADD', prefix .. 'live', after.place, id) end
    elseif was_live then
      redis.call('ZREM', prefix .. 'live', id)
    end
    if ended ~= '0' then
      redis.call('ZADD', prefix .. 'ended', ended, id)
      redis.call('ZREMRANGEBYSCORE', prefix .. 'ended', '-inf', tonumber(ended) - tonumber(keep))
      if redis.call('EXISTS', prefix .. 'dependents:' .. id) == 1 then redis.call('SADD', prefix .. 'settling', id) end
    elseif before and not was_live and not was_queued then
      redis.call('ZREM', prefix .. 'ended', id)
    end
    old[id] = after
  elseif operation == 'C' then
    if ARGV[i + 2] == '0' then
      redis.call('HDEL', counters, committed_field(ARGV[i + 1]))
    else
      redis.call('HSET', counters, committed_field(ARGV[i + 1]), ARGV[i + 2])
    end
  elseif operation == 'N' then
    redis.call('HINCRBY', prefix .. 'unseen', ARGV[i + 1], ARGV[i + 2])
  elseif operation == 'E' then
    last_entry = redis.call('XADD', prefix .. 'outbox', '*', 'e', ARGV[i + 1])
  elseif operation == 'V' then
    if ARGV[i + 3] == '0' then
      redis.call('SET', prefix .. ARGV[i + 1], ARGV[i + 2])
    else
      redis.call('SET', prefix .. ARGV[i + 1], ARGV[i + 2], 'PX', ARGV[i + 3])
    end
  elseif operation == 'D' then
    redis.call('DEL', prefix .. ARGV[i + 1])
  elseif operation == 'M' then
    redis.call('HSET', meta, ARGV[i + 1], ARGV[i + 2])
  elseif operation == 'H' then
    if ARGV[i + 3] == '' then
      redis.call('HDEL', prefix .. ARGV[i + 1], ARGV[i + 2])
    else
      redis.call('HSET', prefix .. ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
    end
  elseif operation == 'A' then
    redis.call('SADD', prefix .. ARGV[i + 1], ARGV[i + 2])
  elseif operation == 'R' then
    redis.call('SREM', prefix .. ARGV[i + 1], ARGV[i + 2])
  end
  i = i + operands[operation] + 1
end

if topic ~= '' then redis.call('HSET', meta, 'next:' .. topic, string.format('%d', tonumber(offset) + 1)) end
return {'ok', last_entry, redis.call('HGETALL', counters), redis.call('SCARD', prefix .. 'settling')}
