-- Pushes one entry to the windows of many readers; returns how many took it. Tells those of them who have a stream.
-- KEYS: a key of the slot that is never there, live. ARGV: prefix, entry, packed reader ids, limit, keep, channel prefix.
local prefix, entry, readers = ARGV[1], ARGV[2], ARGV[3]
local limit, keep = whole(ARGV[4], 'limits'), whole(ARGV[5], 'limits')
must(is_entry(entry), 'entry')
must(#readers % 8 == 0, 'readers')
must(keep <= limit, 'limits')
local hi, lo = id_parts(entry)
local call, bxor, band, rshift, byte, sub = redis.call, bit.bxor, bit.band, bit.rshift, string.byte, string.sub
local key_heads = {}
-- Many windows have the same newest entry: whether ours is newer is found out once for each such entry.
local is_newer = {}
local taken = 0
local has_streams = redis.call('EXISTS', KEYS[2]) == 1
local took = {}
for at = 1, #readers, 8 do
  local b5, b6, b7, b8 = byte(readers, at + 4, at + 7)
  local low = b7 * 256 + b8
  local bucket = band(bxor(low, bxor(rshift(low, 6), b5 * 256 + b6)), 511)
  local key_head = key_heads[bucket]
  if not key_head then
    key_head = prefix .. '{b' .. bucket .. '}:home:'
    key_heads[bucket] = key_head
  end
  local reader = sub(readers, at, at + 7)
  local key = key_head .. reader
  local newest = call('LINDEX', key, 0)
  if newest then
    local newer = is_newer[newest]
    if newer == nil then
      newer = false
      if #newest >= SHORTEST_ENTRY then
        local newest_hi, newest_lo = id_parts(newest)
        newer = hi > newest_hi or (hi == newest_hi and lo > newest_lo)
      end
      is_newer[newest] = newer
    end
    if newer then
      if call('LPUSH', key, entry) > limit + 1 then trim(key, 0, keep) end
      taken = taken + 1
      if has_streams then took[#took + 1] = reader end
    else
      local outcome = insert_elsewhere(key, newest, entry, hi, lo, limit, keep)
      if outcome == 1 then
        taken = taken + 1
        if has_streams then took[#took + 1] = reader end
      elseif outcome == 2 then
        -- What is kept of the part below lacks it.
        call('UNLINK', prefix .. '{b' .. bucket .. '}:older:' .. reader)
      end
    end
  end
end
tell(KEYS[2], ARGV[6], sub(entry, 1, 8), took)
return taken
