"""The read path of a tweet: timelines, hydration, views. Knows nothing of the write path."""
