-- Keeps what lies below a window, unless something changed since its marker was set.
-- KEYS[1]: older. ARGV: token, seconds to live, value.
if redis.call('GET', KEYS[1]) ~= '?' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
return 1
