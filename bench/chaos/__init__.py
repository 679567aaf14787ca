"""The chaos run: a whole installation behind HAProxy, whose parts die in turn while people use it.

``python -m bench.chaos`` starts it, breaks it, checks that nothing acknowledged is lost, and says what people noticed.
"""
