"""Step 1 of the path: a person's verb becomes rows and one event, in one transaction."""
