-- Shared by the scripts below: the build puts this text before each of them.
--
-- Keys, all behind the prefix in ARGV[1] (one hash tag, so that they live in one slot):
--   lease    who may write, until it runs out
--   meta     hash: owner (token of the instance that does), version (one more with each change)
--   ...      the hashes of the one whose store it is
local prefix = ARGV[1]
local meta = prefix .. 'meta'
