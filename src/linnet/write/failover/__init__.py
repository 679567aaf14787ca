"""When Valkey fails over or starts again: which history of it is believed, and how what it lost is brought again."""
