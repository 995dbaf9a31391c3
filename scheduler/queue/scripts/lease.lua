-- Takes or renews the lease that says who may lead. ARGV  prefix, instance, ttl_ms. Returns 1 when it is ours.
local key = prefix .. 'lease'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
