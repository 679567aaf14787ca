-- What a reader may see of an author changes: notes why, drops the window, tells the reader's streams. Returns 1 when it
-- did. KEYS: home, pull, hide, live, older.
-- ARGV: author, reason ('u' unfollowed, '-' shown again), change id, seconds to live, reader, channel prefix.
--
-- A change is applied by the request that makes it and once more by its event. Change ids of one reader grow, and a note
-- keeps the id of its change: so the event drops nothing when the request was quicker, and neither a request that was
-- held up nor an event that comes twice undoes a later change.
local home, pull, hide = KEYS[1], KEYS[2], KEYS[3]
local author, reason, change = ARGV[1], ARGV[2], ARGV[3]
must(#author == 8 and #change == 8 and #ARGV[5] == 8, 'ids')
must(reason == 'u' or reason == '-', 'reason')
local seconds = whole(ARGV[4], 'seconds')
local noted = redis.call('HGET', hide, author)
if noted then
  local noted_hi, noted_lo = id_parts(string.sub(noted, 2))
  local hi, lo = id_parts(change)
  if noted_hi > hi or (noted_hi == hi and noted_lo >= lo) then return 0 end
end
redis.call('HSET', hide, author, reason .. change)
redis.call('EXPIRE', hide, seconds + 86400)
redis.call('UNLINK', home, pull, KEYS[5])
tell(KEYS[4], ARGV[6], EVERYTHING, {ARGV[5]})
return 1
