"""Step 4 of the path: one file per screen, each in the steps skeleton → rules → hydration → view."""
