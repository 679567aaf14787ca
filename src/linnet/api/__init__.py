"""The JSON interface: parse, one call into the read or the write path, answer."""
