"""The Mastodon client API: another edge over the same screens and actions, in its clients' words."""
