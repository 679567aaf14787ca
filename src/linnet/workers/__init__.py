"""Processes that apply events: the edge of the write path that no person talks to."""
