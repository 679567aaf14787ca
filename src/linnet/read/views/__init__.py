"""Step 6 of the path: facts become what the client sees. Pure: no I/O."""
