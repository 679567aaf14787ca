"""A whole database goes to another server while people go on writing: what both ends note, and how rows travel.

``residence.py`` says whether a place lives in a database; ``departure.py`` is the end that is left, ``arrival.py`` the
one that is gone to, and ``transfer.py`` carries rows from the one to the other. ``bootstrap.moves`` puts them in order.
"""
