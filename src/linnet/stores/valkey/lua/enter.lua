-- Enters readers' streams of one process, and the process itself.
-- KEYS[1]: live. ARGV: process, seconds to live, packed reader ids.
local live, process = KEYS[1], ARGV[1]
redis.call('HSET', live, process, '')
for _, reader in ipairs(split(ARGV[3])) do
  local processes = redis.call('HGET', live, reader) or ''
  redis.call('HSET', live, reader, without(processes, process) .. process)
end
redis.call('EXPIRE', live, ARGV[2])
return 1
