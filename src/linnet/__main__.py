"""``python -m linnet`` is ``linnet``."""

from linnet.cli import main

main(prog_name="linnet")
