-- Gives the lease back. ARGV  prefix, token
local key = prefix .. 'lease'
if redis.call('GET', key) == ARGV[2] then redis.call('DEL', key) end
return 1
