"""A place moves to other servers while people live in it: nobody notices but for some seconds in which writing waits.

``moving.py`` takes the steps, ``pictures.py`` brings the pictures along, ``leaving.py`` gives a move up, or takes a
place up again that was left.
"""

from linnet.bootstrap.moves.leaving import cancel_move, find_move, reopen
from linnet.bootstrap.moves.moving import Destination, MoveOptions, MoveReport, move

__all__ = ["Destination", "MoveOptions", "MoveReport", "cancel_move", "find_move", "move", "reopen"]
