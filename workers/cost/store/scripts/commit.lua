-- One change of a partition, all or nothing: jobs, charges, books, and the offsets from which to go on.
--   ARGV  prefix, partition, token, version, next ('': as it was), costs ('': as it was), runs ('': as it was), outbox ('keep': what
--         it holds is not all on the bus), telemetry ('': as it was), how long runs are kept, in milliseconds, then operations:
--         O id job                            something of it is open
--         W id milliseconds new               it is to be published what it could have saved, from so long on. `new` '': earlier than it was
--                                             to be, if it still is
--         V id                                it has been published
--         F model place text strategy kept saved   the recommendation that stands there has been followed; unless another one does
--         G model place ended text            a recommendation that may be followed now
--         S id job milliseconds expire        everything is charged: it is kept for so long; by its run, where that is (`expire`)
--         E entry                             a charge, to be published
--         T topic text                        who is trying the record that comes next in a topic, see first_record.hpp
--         U attempt usage                     what telemetry has told of an attempt; '': it is forgotten
--         R id expire run                     the record of a run. `expire`, here and below: a time in milliseconds, '': runs from now
--         L id expire day started slice       it was at work on that day
--         H id expire model ended             it is over
--         N id expire name started part       it has that name, of those of that part
--         A id expire run_id                  it has that run_id
--         P list id expire anew count value...  what its epochs told; `anew` '1': in the place of what is there
--         D day expire count field amount...  what is added to a day's cost
-- `costs` given: what was to be published before is on the bus, and is forgotten unless `outbox` says keep. Charges are only added
-- when that is so.
local refused = fenced(ARGV[3], ARGV[4])
if refused then return refused end

local open = prefix .. 'open:' .. ARGV[2]
local outbox = prefix .. 'outbox:' .. ARGV[2]
local most_history, most_epochs, most_recommended = 1000, 1000, 450
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)

local function keep(key, expire)
  if expire ~= '' then
    redis.call('PEXPIREAT', key, expire)
  else
    redis.call('PEXPIRE', key, ARGV[10])
  end
end

-- Names of one part are forgotten together. Where they become many, those go before whose runs began twice as long ago as runs are
-- kept.
local function forget_names(key)
  if redis.call('HLEN', key) % 64 ~= 63 then return end
  local names = redis.call('HGETALL', key)
  for j = 1, #names, 2 do
    if tonumber(string.match(names[j + 1], '^%S+')) < now - 2 * ARGV[10] then redis.call('HDEL', key, names[j]) end
  end
end

-- Each takes the index of its operation and returns that of the next one.
local operations = {
  O = function(i)
    redis.call('HSET', open, ARGV[i + 1], ARGV[i + 2])
    redis.call('DEL', prefix .. 'settled:' .. ARGV[i + 1])
    return i + 3
  end,
  W = function(i)
    local key, due = prefix .. 'advise:' .. ARGV[2], now + ARGV[i + 2]
    if ARGV[i + 3] == '1' then
      redis.call('ZADD', key, due, ARGV[i + 1])
    else
      redis.call('ZADD', key, 'XX', 'LT', due, ARGV[i + 1])
    end
    return i + 4
  end,
  V = function(i)
    redis.call('ZREM', prefix .. 'advise:' .. ARGV[2], ARGV[i + 1])
    return i + 2
  end,
  F = function(i)
    local model, place, strategy = ARGV[i + 1], ARGV[i + 2], ARGV[i + 4]
    local key, record = prefix .. 'recommended:' .. model, prefix .. 'followed:' .. model
    if redis.call('HGET', key, place) == ARGV[i + 3] then
      redis.call('HDEL', key, place)
      redis.call('ZREM', prefix .. 'recommended-when:' .. model, place)
      redis.call('HINCRBY', record, strategy .. ':followed', 1)
      redis.call('HINCRBY', record, strategy .. ':kept', ARGV[i + 5])
      redis.call('HINCRBYFLOAT', record, strategy .. ':saved', ARGV[i + 6])
      redis.call('PEXPIRE', record, ARGV[10])
    end
    return i + 7
  end,
  G = function(i)
    local model, place, ended = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local key, when = prefix .. 'recommended:' .. model, prefix .. 'recommended-when:' .. model
    local known = redis.call('ZSCORE', when, place)
    if not known or tonumber(known) <= tonumber(ended) then
      redis.call('ZADD', when, ended, place)
      redis.call('HSET', key, place, ARGV[i + 4])
      local oldest = redis.call('ZRANGE', when, 0, -most_recommended - 1)
      for _, old in ipairs(oldest) do
        redis.call('ZREM', when, old)
        redis.call('HDEL', key, old)
      end
      redis.call('PEXPIRE', when, ARGV[10])
      redis.call('PEXPIRE', key, ARGV[10])
    end
    return i + 5
  end,
  S = function(i)
    redis.call('HDEL', open, ARGV[i + 1])
    local key = prefix .. 'settled:' .. ARGV[i + 1]
    if ARGV[i + 4] == '' or tonumber(ARGV[i + 4]) < now + ARGV[i + 3] then
      redis.call('SET', key, ARGV[i + 2], 'PX', ARGV[i + 3])
    else
      redis.call('DEL', key)
    end
    return i + 5
  end,
  E = function(i)
    redis.call('RPUSH', outbox, ARGV[i + 1])
    return i + 2
  end,
  T = function(i)
    redis.call('HSET', partition, 'tried:' .. ARGV[i + 1], ARGV[i + 2])
    return i + 3
  end,
  U = function(i)
    local key = prefix .. 'usage:' .. ARGV[2]
    if ARGV[i + 2] == '' then
      redis.call('HDEL', key, ARGV[i + 1])
    else
      redis.call('HSET', key, ARGV[i + 1], ARGV[i + 2])
    end
    return i + 3
  end,
  R = function(i)
    local key = prefix .. 'run:' .. ARGV[i + 1]
    redis.call('SET', key, ARGV[i + 3])
    keep(key, ARGV[i + 2])
    return i + 4
  end,
  L = function(i)
    local day = prefix .. 'runs:' .. ARGV[i + 3]
    local slice = day .. ':' .. ARGV[i + 5]
    redis.call('ZADD', slice, ARGV[i + 4], ARGV[i + 1])
    if redis.call('PTTL', slice) < 0 then
      keep(slice, ARGV[i + 2])
      redis.call('ZADD', day, ARGV[i + 5], ARGV[i + 5])
      keep(day, ARGV[i + 2])
    end
    return i + 6
  end,
  H = function(i)
    local key = prefix .. 'history:' .. ARGV[i + 3]
    redis.call('ZADD', key, ARGV[i + 4], ARGV[i + 1])
    redis.call('ZREMRANGEBYRANK', key, 0, -most_history - 1)
    redis.call('PEXPIRE', key, ARGV[10])
    return i + 5
  end,
  N = function(i)
    local key = prefix .. 'names:' .. ARGV[i + 5]
    local known = redis.call('HGET', key, ARGV[i + 3])
    if not known then
      forget_names(key)
    elseif tonumber(string.match(known, '^%S+')) > tonumber(ARGV[i + 4]) then
      return i + 6
    end
    redis.call('HSET', key, ARGV[i + 3], ARGV[i + 4] .. ' ' .. ARGV[i + 1])
    local expire = ARGV[i + 2] == '' and now + ARGV[10] or tonumber(ARGV[i + 2])
    local kept = redis.call('PTTL', key)
    if kept < 0 or now + kept < expire then redis.call('PEXPIREAT', key, string.format('%d', expire)) end
    return i + 6
  end,
  A = function(i)
    local key = prefix .. 'run-id:' .. ARGV[i + 3]
    redis.call('SET', key, ARGV[i + 1])
    keep(key, ARGV[i + 2])
    return i + 4
  end,
  P = function(i)
    local key = prefix .. ARGV[i + 1] .. ':' .. ARGV[i + 2]
    local count = tonumber(ARGV[i + 5])
    if ARGV[i + 4] == '1' then redis.call('DEL', key) end
    for j = i + 6, i + 5 + count do redis.call('RPUSH', key, ARGV[j]) end
    redis.call('LTRIM', key, -most_epochs, -1)
    keep(key, ARGV[i + 3])
    return i + 6 + count
  end,
  D = function(i)
    local key = prefix .. 'day:' .. ARGV[i + 1]
    local behind = i + 4 + 2 * tonumber(ARGV[i + 3])
    for j = i + 4, behind - 1, 2 do redis.call('HINCRBY', key, ARGV[j], ARGV[j + 1]) end
    if redis.call('PTTL', key) < 0 then redis.call('PEXPIREAT', key, ARGV[i + 2]) end
    redis.call('SET', prefix .. 'day-version:' .. ARGV[i + 1], ARGV[3] .. ' ' .. ARGV[4], 'PXAT', ARGV[i + 2])
    return behind
  end,
}

if ARGV[6] ~= '' then
  if ARGV[8] ~= 'keep' then redis.call('DEL', outbox) end
  redis.call('HSET', partition, 'costs', ARGV[6])
end
local i = 11
while i <= #ARGV do i = operations[ARGV[i]](i) end
if ARGV[5] ~= '' then redis.call('HSET', partition, 'next', ARGV[5]) end
if ARGV[7] ~= '' then redis.call('HSET', partition, 'runs', ARGV[7]) end
if ARGV[9] ~= '' then redis.call('HSET', partition, 'telemetry', ARGV[9]) end
return redis.call('HINCRBY', partition, 'version', 1)
