-- The first jobs of each priority that may go: those that nothing holds, and while the off-peak window is open those that wait for it, in
-- the order of their places.
--   ARGV  prefix, how many of each, how many in all (the higher priorities first), '1' while the window is open
-- Returns {ids, records, ids, records, ids, records} for u, n, b.
local function merged(open, windowed, most)
  local ids, i, j = {}, 1, 1
  while #ids < most and (open[i] or windowed[j]) do
    if not windowed[j] or (open[i] and tonumber(open[i + 1]) < tonumber(windowed[j + 1])) then
      ids[#ids + 1] = open[i]
      i = i + 2
    else
      ids[#ids + 1] = windowed[j]
      j = j + 2
    end
  end
  return ids
end

local answer = {}
local left = tonumber(ARGV[3])
for _, priority in ipairs({'u', 'n', 'b'}) do
  local most = math.min(tonumber(ARGV[2]), left)
  local ids = {}
  if most > 0 then
    local windowed = {}
    if ARGV[4] == '1' then windowed = redis.call('ZRANGE', prefix .. 'window:' .. priority, 0, most - 1, 'WITHSCORES') end
    if #windowed == 0 then
      ids = redis.call('ZRANGE', prefix .. 'queue:' .. priority, 0, most - 1)
    else
      ids = merged(redis.call('ZRANGE', prefix .. 'queue:' .. priority, 0, most - 1, 'WITHSCORES'), windowed, most)
    end
  end
  left = left - #ids
  local records = {}
  for i, id in ipairs(ids) do records[i] = redis.call('GET', prefix .. 'job:' .. id) end
  answer[#answer + 1] = ids
  answer[#answer + 1] = records
end
return answer
