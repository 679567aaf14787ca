-- Takes back one action that limit.lua counted.
-- KEYS: as there. ARGV: when it was counted in ms, then for each quota the length of a slice in ms.
for i, key in ipairs(KEYS) do
  local length = tonumber(ARGV[i + 1])
  local slice = math.floor(ARGV[1] / length)
  local value = redis.call('GET', key)
  local found, found_slice, found_count
  if value and select(2, struct.unpack('>I4I4', value)) == length then
    -- In its own slice or, when another clock was ahead, in the next that there is. Perhaps it is too old to be there.
    for at = #value - 7, 9, -8 do
      local other, counted = struct.unpack('>I5I3', value, at)
      if other < slice then break end
      found, found_slice, found_count = at, other, counted
    end
  end
  if found then
    local total = struct.unpack('>I4', value)
    local record = found_count > 1 and struct.pack('>I5I3', found_slice, found_count - 1) or ''
    local records = string.sub(value, 9, found - 1) .. record .. string.sub(value, found + 8)
    if total > 1 then
      redis.call('SET', key, struct.pack('>I4I4', total - 1, length) .. records, 'KEEPTTL')
    else
      redis.call('DEL', key)
    end
  end
end
return 1
