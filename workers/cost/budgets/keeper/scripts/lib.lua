-- Shared by the scripts below: the build puts this text before each of them.
--
-- Keys, all behind the prefix in ARGV[1] (one hash tag, so that they live in one slot):
--   lease    who may keep the budgets, until it runs out
--   meta     hash: owner (token of the instance that keeps them), version (one more with each change)
--   next     hash: "<topic>/<partition>" -> the offset from which to go on
--   days     hash: "<day> <team> <project>" -> what was spent then, in micro-dollars
--   marks    hash: "<job or run>/<attempt>" -> up to where its charges are in the sums
--   sets     hash: budget -> its budget.set
--   states   hash: budget -> its last budget.state, and when it was published
local prefix = ARGV[1]
local meta = prefix .. 'meta'
