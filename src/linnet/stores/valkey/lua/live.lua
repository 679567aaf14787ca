-- Tells the processes that hold open streams what changed for whom; it stands in front of the scripts that change it.
-- In front of it stands PUBLISH: the command that does it.
--
-- One hash says who has streams: packed reader id → the processes that hold them, 8 bytes each. It also has a field for
-- each process that has entered all its readers: when that is not there, what else it entered may be lost as well. A
-- process hears at a channel of its own, of a prefix and its 8 bytes. A message is 8 bytes, from which id on something changed (0: from
-- the first, 2^63 - 1: only what notifications say), and the packed ids of readers.

local EVERYTHING = string.rep('\0', 8)

local function without(processes, gone)
  local left = ''
  for at = 1, #processes, 8 do
    local process = string.sub(processes, at, at + 7)
    if process ~= gone then left = left .. process end
  end
  return left
end

local function leave(live, reader, process)
  local processes = redis.call('HGET', live, reader)
  if not processes then return end
  local left = without(processes, process)
  if left == '' then redis.call('HDEL', live, reader) else redis.call('HSET', live, reader, left) end
end

local function tell(live, channels, from_id, readers)
  if #readers == 0 then return end
  local messages = {}
  for i, processes in ipairs(redis.call('HMGET', live, unpack(readers))) do
    if processes then
      for at = 1, #processes, 8 do
        local process = string.sub(processes, at, at + 7)
        local message = messages[process]
        if not message then
          message = {from_id}
          messages[process] = message
        end
        message[#message + 1] = readers[i]
      end
    end
  end
  for process, message in pairs(messages) do
    if redis.call(PUBLISH, channels .. process, table.concat(message)) == 0 then
      -- Nobody hears: the process is gone. One that only lost its connection enters itself again.
      redis.call('HDEL', live, process)
      for i = 2, #message do leave(live, message[i], process) end
    end
  end
end

local function split(readers)
  local ids = {}
  for at = 1, #readers, 8 do ids[#ids + 1] = string.sub(readers, at, at + 7) end
  return ids
end
