"""Step 5 of the path: ids become facts for one viewer, in batches."""
