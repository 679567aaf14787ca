-- Drops the windows of many readers, with what belongs to them; returns how many there were. Tells those who have a stream.
-- KEYS: a key of the slot that is never there, live. ARGV: prefix, packed reader ids, channel prefix.
local prefix, readers = ARGV[1], ARGV[2]
must(#readers % 8 == 0, 'readers')
local bxor, band, rshift, byte = bit.bxor, bit.band, bit.rshift, string.byte
local dropped = 0
for at = 1, #readers, 8 do
  local b5, b6, b7, b8 = byte(readers, at + 4, at + 7)
  local low = b7 * 256 + b8
  local bucket = band(bxor(low, bxor(rshift(low, 6), b5 * 256 + b6)), 511)
  local tag, id = prefix .. '{b' .. bucket .. '}:', string.sub(readers, at, at + 7)
  dropped = dropped + redis.call('UNLINK', tag .. 'home:' .. id)
  redis.call('UNLINK', tag .. 'pull:' .. id, tag .. 'older:' .. id)
end
if redis.call('EXISTS', KEYS[2]) == 1 then tell(KEYS[2], ARGV[3], EVERYTHING, split(readers)) end
return dropped
