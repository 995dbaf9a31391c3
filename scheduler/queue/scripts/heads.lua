-- The first jobs of each priority. ARGV  prefix, how many. Returns {ids, records, ids, records, ids, records} for u, n, b.
local answer = {}
for _, priority in ipairs({'u', 'n', 'b'}) do
  local ids = redis.call('ZRANGE', prefix .. 'queue:' .. priority, 0, tonumber(ARGV[2]) - 1)
  local records = {}
  for i, id in ipairs(ids) do records[i] = redis.call('GET', prefix .. 'job:' .. id) end
  answer[#answer + 1] = ids
  answer[#answer + 1] = records
end
return answer
