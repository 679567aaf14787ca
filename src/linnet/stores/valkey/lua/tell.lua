-- Says what changed for readers, to those of them who have a stream.
-- KEYS[1]: live. ARGV: channel prefix, from which id on, packed reader ids.
if redis.call('EXISTS', KEYS[1]) == 1 then tell(KEYS[1], ARGV[1], ARGV[2], split(ARGV[3])) end
return 1
