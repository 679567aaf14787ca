-- Counts one action under several quotas: under all of them or, when one is used up, under none.
-- In front of it stands QUOTAS: how many, and the length of a slice in ms, for one quota after the other.
-- KEYS: what was counted under each. ARGV: now in ms.
-- Returns which quota refuses (the one that does for longest; 0: none), then for each quota how many are left, and in
-- how many ms there will be more.
--
-- A value: total and length of a slice (4 bytes each), then a record for each slice in which something was counted, in
-- order: number of the slice (5 bytes), how many (3). A slice counts until the whole of it is older than the period.
local SLICES = 60
local now = tonumber(ARGV[1])
local answer, changed, refuser, longest = {0}, {}, 0, -1
for i, key in ipairs(KEYS) do
  local count, length = QUOTAS[2 * i - 1], QUOTAS[2 * i]
  local slice, total, at, wait = math.floor(now / length), 0, 9, 0
  local value = redis.call('GET', key)
  local size = value and #value or 0
  -- The newest record, and in which slice the oldest that counts lies.
  local newest, counted, oldest = -1, 0, slice
  if value then
    local stored, stored_length = struct.unpack('>I4I4', value)
    -- Of another length: the setting was changed, and what was counted before cannot be compared.
    if stored_length == length then
      total = stored
      newest, counted = struct.unpack('>I5I3', value, size - 7)
      -- A process whose clock is behind counts where the others are, so that time never goes back for a key.
      if newest > slice then slice = newest end
      while at < size do
        local old, n = struct.unpack('>I5I3', value, at)
        oldest = old
        if old >= slice - SLICES then break end
        total = total - n
        at = at + 8
      end
      if at > size then oldest = slice end
    else
      at = size + 1
    end
  end
  if total < count then
    if newest == slice then
      value = string.sub(value, at, -9) .. struct.pack('>I5I3', slice, counted + 1)
    else
      value = (value and string.sub(value, at) or '') .. struct.pack('>I5I3', slice, 1)
    end
    changed[i] = struct.pack('>I4I4', total + 1, length) .. value
    answer[2 * i] = count - total - 1
    wait = (oldest + SLICES + 1) * length - now
  else
    -- More than one too many when the setting was lowered: then enough of them must become old.
    local left = total
    while left >= count do
      local old, n = struct.unpack('>I5I3', value, at)
      left = left - n
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
  for i in pairs(changed) do
    -- Not counted after all.
    answer[2 * i] = answer[2 * i] + 1
  end
  return answer
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, changed[i], 'PX', (SLICES + 1) * QUOTAS[2 * i])
end
return answer
