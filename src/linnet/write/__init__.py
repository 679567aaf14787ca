"""The write path of a tweet: actions, the outbox, the fan-out. Knows nothing of the read path."""
