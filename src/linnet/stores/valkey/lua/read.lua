-- Reads a page of a window, all that belongs to it at one moment. A read keeps the window alive.
-- KEYS: home, pull, hide, and marks where they are wanted. ARGV: before or '', after or '', count, seconds to live,
-- seconds below which to renew, packed ids of other tweets of which marks are wanted.
-- Returns nil: no window. 0: it is being built. 1: the page lies below the window.
-- Else {pull set, packed ids of hidden authors among the entries, marks, up to count + 1 elements; the tail is one}.
-- Marks: what `marks.lua` keeps as floors (32 bytes), then a byte for each entry and each other tweet; '' when they are not known.
local home, pull, hide = KEYS[1], KEYS[2], KEYS[3]
local before, after, count = ARGV[1], ARGV[2], whole(ARGV[3], 'numbers')
local seconds, renewed_below = whole(ARGV[4], 'numbers'), whole(ARGV[5], 'numbers')
must((before == '' or #before == 8) and (after == '' or #after == 8), 'bounds')
local head = redis.call('LINDEX', home, 0)
if not head then return false end
if string.byte(head) == BUILDING and #head < SHORTEST_ENTRY then return 0 end
local pulled = redis.call('GET', pull)
if not pulled then return false end

-- The first index whose entry is below a bound, or is the bound itself when `inclusive`; the tail's index at the most.
local function first_below(bound, inclusive)
  local bound_hi, bound_lo = id_parts(bound)
  local low, high = 0, redis.call('LLEN', home) - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local hi, lo = id_parts(redis.call('LINDEX', home, middle))
    local below = hi < bound_hi or (hi == bound_hi and lo < bound_lo)
    if below or (inclusive and hi == bound_hi and lo == bound_lo) then high = middle else low = middle + 1 end
  end
  return low
end

local start, stop = 0, count
if before ~= '' then
  start = first_below(before, false)
  stop = start + count
elseif after ~= '' then
  local first_not_above = first_below(after, true)
  if #redis.call('LINDEX', home, first_not_above) < SHORTEST_ENTRY and redis.call('LINDEX', home, -1) == '+' then
    return 1
  end
  start = math.max(0, first_not_above - count)
  stop = first_not_above - 1
end
local page = {}
if stop >= start then page = redis.call('LRANGE', home, start, stop) end

local hidden = ''
if redis.call('EXISTS', hide) == 1 then
  local authors, seen = {}, {}
  for _, entry in ipairs(page) do
    for at = 9, #entry >= 24 and 17 or 9, 8 do
      local author = string.sub(entry, at, at + 7)
      if #author == 8 and not seen[author] then
        seen[author] = true
        authors[#authors + 1] = author
      end
    end
  end
  if #authors > 0 then
    for i, reason in ipairs(redis.call('HMGET', hide, unpack(authors))) do
      if reason and string.sub(reason, 1, 1) ~= '-' then hidden = hidden .. authors[i] end
    end
  end
end

if redis.call('TTL', home) < renewed_below then
  redis.call('EXPIRE', home, seconds)
  redis.call('EXPIRE', pull, seconds)
  redis.call('EXPIRE', hide, seconds + 86400)
end
local marks = ''
if KEYS[4] then
  local fields, n, others = {''}, 1, ARGV[6]
  for i = 1, #page do
    local entry = page[i]
    if #entry >= SHORTEST_ENTRY then
      n = n + 1
      -- A retweet's marks are those of the tweet it shows.
      fields[n] = #entry == 32 and string.sub(entry, 25) or string.sub(entry, 1, 8)
    end
  end
  for at = 1, #others, 8 do
    n = n + 1
    fields[n] = string.sub(others, at, at + 7)
  end
  local found = redis.call('HMGET', KEYS[4], unpack(fields))
  if found[1] and #found[1] == 32 then
    for i = 2, n do found[i] = found[i] or '\0' end
    marks = table.concat(found)
  end
end
local result = {pulled, hidden, marks}
for i = 1, #page do result[i + 3] = page[i] end
return result
