-- What all scripts on windows share; it stands in front of each of them. The windows' only writers are these scripts.
--
-- A window is a list:   ["?token" while it is being built]  entries, newest first  [tail]
-- The tail is "." when the window reaches back to the beginning of history, "+" when the truth has more below.
-- An entry begins with its id, 8 bytes, most significant first; it is 16, 24 or 32 bytes long, a marker is shorter.
-- Invariants: ids strictly descending, so no doubles; every entry pushed with an id not below the last element's is in
-- it; at most `limit` entries; a list that does not exist is not written to.
--
-- Numbers of this Lua hold 53 bits: an id is compared as 6 bytes and 2 bytes. Strings are not compared with "<", whose
-- order depends on the server's locale.

local BUILDING = string.byte('?')
local SHORTEST_ENTRY = 16

local function id_parts(packed)
  return struct.unpack('>I6I2', packed)
end

-- A window that holds something else than entries and markers could not be read any more: whoever calls wrongly is told
-- so, before anything is written.
local function must(holds, what)
  if not holds then error('malformed ' .. what, 0) end
end

local function whole(text, what)
  local number = tonumber(text)
  must(number and number >= 1 and number < 2 ^ 31 and number % 1 == 0, what)
  return number
end

local function is_entry(packed)
  return #packed == 16 or #packed == 24 or #packed == 32
end

local function trim(key, first, keep)
  redis.call('LTRIM', key, 0, first + keep - 1)
  redis.call('RPUSH', key, '+')
end

-- Puts an entry in its place, looking from the head: most come nearly in order. Full windows are cut from `limit` to
-- `keep` at once, so that a push is nearly always one compare and one LPUSH.
local function insert_late(key, entry, hi, lo, first, limit, keep)
  local start = first
  while true do
    local part = redis.call('LRANGE', key, start, start + 31)
    for _, other in ipairs(part) do
      if #other < SHORTEST_ENTRY then
        if other == '+' then return 2 end -- older than the tail: the truth has it
        redis.call('LINSERT', key, 'BEFORE', other, entry)
        part = nil
        break
      end
      local other_hi, other_lo = id_parts(other)
      if other_hi == hi and other_lo == lo then return 0 end
      if other_hi < hi or (other_hi == hi and other_lo < lo) then
        redis.call('LINSERT', key, 'BEFORE', other, entry)
        part = nil
        break
      end
    end
    if part == nil then break end
    if #part == 0 then -- only a window being built can have no tail
      redis.call('RPUSH', key, entry)
      break
    end
    start = start + #part
  end
  if redis.call('LLEN', key) > first + limit + 1 then trim(key, first, keep) end
  return 1
end

-- Puts an entry where it is not simply the newest of a window that has entries. Returns 1 when the window took it, 2 when
-- it lies below.
local function insert_elsewhere(key, newest, entry, hi, lo, limit, keep)
  if #newest >= SHORTEST_ENTRY then return insert_late(key, entry, hi, lo, 0, limit, keep) end
  if string.byte(newest) == BUILDING then return insert_late(key, entry, hi, lo, 1, limit, keep) end
  redis.call('LPUSH', key, entry) -- the window is empty: there is only the tail
  return 1
end
