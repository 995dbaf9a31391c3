-- The first jobs of each priority. ARGV  prefix, how many of each, how many in all (the higher priorities first).
-- Returns {ids, records, ids, records, ids, records} for u, n, b.
local answer = {}
local left = tonumber(ARGV[3])
for _, priority in ipairs({'u', 'n', 'b'}) do
  local most = math.min(tonumber(ARGV[2]), left)
  local ids = {}
  if most > 0 then ids = redis.call('ZRANGE', prefix .. 'queue:' .. priority, 0, most - 1) end
  left = left - #ids
  local records = {}
  for i, id in ipairs(ids) do records[i] = redis.call('GET', prefix .. 'job:' .. id) end
  answer[#answer + 1] = ids
  answer[#answer + 1] = records
end
return answer
