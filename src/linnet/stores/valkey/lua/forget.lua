-- Takes every trace of a user from what belongs to one reader. A window that names the user goes, and the next read
-- builds it again; a hide note about the user is taken out. Returns 1 when there was something.
-- What lies below the window goes in any case. KEYS: home, pull, hide, older. ARGV: the user's packed id.
local home, pull, hide, user = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local found = redis.call('HDEL', hide, user)
redis.call('UNLINK', KEYS[4])
local pulled = redis.call('GET', pull)
local named = pulled and string.find(pulled, user, 1, true)
if not named then
  for _, entry in ipairs(redis.call('LRANGE', home, 0, -1)) do
    -- Behind the entry's own id stand its author, and the author it answers or retweets.
    if string.find(entry, user, 9, true) then
      named = true
      break
    end
  end
end
if named then
  redis.call('UNLINK', home, pull)
  found = 1
end
return found
