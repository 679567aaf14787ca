"""linnet, a microblogging server whose home timelines are exact, endless and rebuildable."""
