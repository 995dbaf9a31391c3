-- Makes an instance the one that delivers, whoever was.
--   ARGV  prefix, token (used by nobody before)
-- Returns {version, next ('' when there is none)}.
redis.call('HSET', state, 'token', ARGV[2])
local known = redis.call('HMGET', state, 'version', 'next')
return {known[1] or '0', known[2] or ''}
