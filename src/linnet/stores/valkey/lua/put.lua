-- Puts values into a cache, never an older one over a newer: a value begins with its version, 8 bytes.
-- KEYS: as many as values. ARGV: seconds to live, values.
local stored = 0
for i, key in ipairs(KEYS) do
  local value = ARGV[i + 1]
  local present = redis.call('GETRANGE', key, 0, 7)
  local newer = true
  if #present == 8 then
    local hi, lo = struct.unpack('>I6I2', value)
    local present_hi, present_lo = struct.unpack('>I6I2', present)
    newer = hi > present_hi or (hi == present_hi and lo >= present_lo)
  end
  if newer then
    redis.call('SET', key, value, 'EX', ARGV[1])
    stored = stored + 1
  end
end
return stored
