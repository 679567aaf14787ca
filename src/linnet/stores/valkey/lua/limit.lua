-- Counts one action under several quotas: under all of them or, when one is used up, under none.
-- KEYS: what was counted under each quota. ARGV: now in ms, then for each quota how many, and the length of a slice in ms.
-- Returns which quota refuses (the one that does for longest; 0: none), then for each quota how many are left, and in
-- how many ms there will be more.
--
-- A value: total and length of a slice (4 bytes each), then a record for each slice in which something was counted, in
-- order: number of the slice (5 bytes), how many (3). A slice counts until the whole of it is older than the period.
local SLICES = 60
local now = tonumber(ARGV[1])
local answer, changed, refuser, longest = {0}, {}, 0, -1
for i, key in ipairs(KEYS) do
  local count, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local slice, total, records = math.floor(now / length), 0, ''
  local value = redis.call('GET', key)
  -- Of another length: the setting was changed, and what was counted before cannot be compared.
  if value and select(2, struct.unpack('>I4I4', value)) == length then
    total = struct.unpack('>I4', value)
    -- A process whose clock is behind counts where the others are, so that time never goes back for a key.
    slice = math.max(slice, (struct.unpack('>I5', value, #value - 7)))
    local at = 9
    while at <= #value do
      local old, counted = struct.unpack('>I5I3', value, at)
      if old >= slice - SLICES then break end
      total = total - counted
      at = at + 8
    end
    records = string.sub(value, at)
  end
  local wait = 0
  if total < count then
    local last, counted = slice, 0
    if #records > 0 then last, counted = struct.unpack('>I5I3', records, #records - 7) end
    if last == slice then
      records = string.sub(records, 1, -9) .. struct.pack('>I5I3', slice, counted + 1)
    else
      records = records .. struct.pack('>I5I3', slice, 1)
    end
    changed[i] = struct.pack('>I4I4', total + 1, length) .. records
    wait = (struct.unpack('>I5', records) + SLICES + 1) * length - now
    answer[2 * i] = count - total - 1
  else
    -- More than one too many when the setting was lowered: then enough of them must become old.
    local left, at = total, 1
    while left >= count do
      local old, counted = struct.unpack('>I5I3', records, at)
      left = left - counted
      wait = (old + SLICES + 1) * length - now
      at = at + 8
    end
    if wait > longest then refuser, longest = i, wait end
    answer[2 * i] = 0
  end
  answer[2 * i + 1] = wait
end
if refuser > 0 then
  answer[1] = refuser
  for i, key in ipairs(KEYS) do
    -- Not counted after all.
    if changed[i] then answer[2 * i] = answer[2 * i] + 1 end
  end
  return answer
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, changed[i], 'PX', (SLICES + 1) * ARGV[2 * i + 1])
end
return answer
