"""``linnet bench``: what linnet costs, each figure beside a reference that is measured in turns with it.

Above all other floors: scenarios start a linnet as people do and ask it over HTTP. ``catalogue.py`` lists them,
``command.py`` is what people type, ``figures.py`` says what a measurement comes to. Nothing that serves imports this.
"""
