"""``python -m linnet.bench.place --people N --data-dir DIR``: see ``--help``."""

from linnet.bench.place.command import place

if __name__ == "__main__":
    place()
