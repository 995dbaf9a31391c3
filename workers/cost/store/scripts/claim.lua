-- Makes an instance the owner of a partition, whoever was.
--   ARGV  prefix, partition, token (used by nobody before)
-- Returns {version, next or '', costs or ''}.
redis.call('HSET', partition, 'token', ARGV[3])
local known = redis.call('HMGET', partition, 'version', 'next', 'costs')
return {known[1] or '0', known[2] or '', known[3] or ''}
