-- Ends the loading of a viewer's marks, unless they changed meanwhile: then the next read loads them again.
-- KEYS[1]: marks. ARGV: token, seconds to live, floors (three of 8 bytes, and the version of filters), then field and value in turn.
if redis.call('HGET', KEYS[1], '') ~= '?' .. ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], '', ARGV[3])
for first = 4, #ARGV, 200 do
  redis.call('HSET', KEYS[1], unpack(ARGV, first, math.min(first + 199, #ARGV)))
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
