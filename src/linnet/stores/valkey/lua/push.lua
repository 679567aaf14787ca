-- Pushes one entry to the windows of many readers; returns how many took it.
-- KEYS[1]: any key of the slot. ARGV: prefix, entry, packed reader ids, limit, keep.
local prefix, entry, readers = ARGV[1], ARGV[2], ARGV[3]
local limit, keep = tonumber(ARGV[4]), tonumber(ARGV[5])
local hi, lo = id_parts(entry)
local bxor, band, rshift, byte, sub = bit.bxor, bit.band, bit.rshift, string.byte, string.sub
local heads = {}
local taken = 0
for at = 1, #readers, 8 do
  local b5, b6, b7, b8 = byte(readers, at + 4, at + 7)
  local low = b7 * 256 + b8
  local bucket = band(bxor(low, bxor(rshift(low, 6), b5 * 256 + b6)), 511)
  local head = heads[bucket]
  if not head then
    head = prefix .. '{b' .. bucket .. '}:home:'
    heads[bucket] = head
  end
  taken = taken + insert(head .. sub(readers, at, at + 7), entry, hi, lo, limit, keep)
end
return taken
