-- Begins to build a window, unless there is one or it is being built; from now on pushes land in it.
-- KEYS: home, pull, older. ARGV: token, seconds to live (a builder that dies leaves nothing for longer).
must(#ARGV[1] < SHORTEST_ENTRY - 1, 'token') -- a longer marker would be taken for an entry
local seconds = whole(ARGV[2], 'seconds')
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local head = redis.call('LINDEX', KEYS[1], 0)
if head and #head < SHORTEST_ENTRY and string.byte(head) == BUILDING then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('RPUSH', KEYS[1], '?' .. ARGV[1])
redis.call('EXPIRE', KEYS[1], seconds)
return 1
