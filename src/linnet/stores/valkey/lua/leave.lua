-- Readers' last streams of one process are over; and, if it has no others, the process itself goes.
-- KEYS[1]: live. ARGV: process, packed reader ids, '1' if it has no others.
for _, reader in ipairs(split(ARGV[2])) do leave(KEYS[1], reader, ARGV[1]) end
if ARGV[3] == '1' then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
