-- Ends the building of a window: the snapshot and what was pushed since the beginning become one. Returns 0, and
-- changes nothing, when the marker is not there any more.
-- KEYS: home, pull, hide. ARGV: token, tail, limit, seconds to live, pull set, the snapshot's entries, newest first.
local home, pull, hide = KEYS[1], KEYS[2], KEYS[3]
if redis.call('LINDEX', home, 0) ~= '?' .. ARGV[1] then return 0 end
local tail, limit, seconds = ARGV[2], whole(ARGV[3], 'limits'), whole(ARGV[4], 'limits')
must(tail == '.' or tail == '+', 'tail')
local above_hi, above_lo = math.huge, 0
for j = 6, #ARGV do
  must(is_entry(ARGV[j]), 'entry')
  local entry_hi, entry_lo = id_parts(ARGV[j])
  must(entry_hi < above_hi or (entry_hi == above_hi and entry_lo < above_lo), 'order')
  above_hi, above_lo = entry_hi, entry_lo
end
local pushed = redis.call('LRANGE', home, 1, -1)
-- So much was pushed meanwhile that some was cut off: below the rest nobody knows any more what was pushed.
local cut = #pushed > 0 and #pushed[#pushed] < SHORTEST_ENTRY
if cut then pushed[#pushed] = nil end

local merged = {}
local i, j = 1, 6
while #merged < limit do
  local mine, theirs = pushed[i], ARGV[j]
  -- Below an incomplete snapshot, as below the cut, only the truth knows what is contiguous.
  if not mine and (cut or not theirs) or not theirs and tail == '+' then break end
  if not mine then
    merged[#merged + 1] = theirs
    j = j + 1
  elseif not theirs then
    merged[#merged + 1] = mine
    i = i + 1
  else
    local mine_hi, mine_lo = id_parts(mine)
    local their_hi, their_lo = id_parts(theirs)
    if mine_hi == their_hi and mine_lo == their_lo then
      merged[#merged + 1] = mine
      i, j = i + 1, j + 1
    elseif mine_hi > their_hi or (mine_hi == their_hi and mine_lo > their_lo) then
      merged[#merged + 1] = mine
      i = i + 1
    else
      merged[#merged + 1] = theirs
      j = j + 1
    end
  end
end
if cut or pushed[i] or ARGV[j] then tail = '+' end

redis.call('DEL', home)
for first = 1, #merged, 200 do
  redis.call('RPUSH', home, unpack(merged, first, math.min(first + 199, #merged)))
end
redis.call('RPUSH', home, tail)
redis.call('EXPIRE', home, seconds)
redis.call('SET', pull, ARGV[5], 'EX', seconds)
redis.call('EXPIRE', hide, seconds + 86400)
return 1
