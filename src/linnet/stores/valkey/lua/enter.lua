-- Enters readers' streams of one process; and, if these are all it has, the process itself, which says so.
-- KEYS[1]: live. ARGV: process, seconds to live, packed reader ids, '1' if these are all.
local live, process = KEYS[1], ARGV[1]
for _, reader in ipairs(split(ARGV[3])) do
  local processes = redis.call('HGET', live, reader) or ''
  redis.call('HSET', live, reader, without(processes, process) .. process)
end
if ARGV[4] == '1' then redis.call('HSET', live, process, '') end
redis.call('EXPIRE', live, ARGV[2])
return 1
