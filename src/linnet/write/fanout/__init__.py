"""Step 3 of the path: an event becomes window entries, counters and notes. Handlers are safe to run twice."""
