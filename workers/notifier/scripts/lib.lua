-- Shared by the scripts below: the build puts this text before each of them.
--
-- Keys, all behind the prefix in ARGV[1] (one hash tag, so that they live in one slot):
--   state       hash: token (of the instance that delivers), version (one more with each change), next (the offset of alerts from
--               which to go on), canary:<route> (when it was last sent, in milliseconds)
--   waiting     hash: <route>/<fingerprint> -> an alert that is to be told by that route, now or again
--   deliveries  stream: what became of the last deliveries
local prefix = ARGV[1]
local state = prefix .. 'state'
