"""The types of linnet and its pure rules: no I/O, no clock, no randomness."""
