-- Takes or renews the lease. ARGV  prefix, token (used by nobody before), ttl_ms. Returns the version, or '' when another holds it.
local key = prefix .. 'lease'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return '' end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
redis.call('HSET', meta, 'owner', ARGV[2])
return redis.call('HGET', meta, 'version') or '0'
