-- Readers' last streams of one process are over. KEYS[1]: live. ARGV: process, packed reader ids.
for _, reader in ipairs(split(ARGV[2])) do leave(KEYS[1], reader, ARGV[1]) end
return 1
