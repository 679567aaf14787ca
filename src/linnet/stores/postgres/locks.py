"""The numbers of our advisory locks: one space per database, so that they stand in one place.

Others who use the database can keep clear of what begins with these bytes ("linn"). Pictures have a space of their own,
that of pairs of numbers (``sql/profiles.sql``).
"""

from typing import Final

LANES: Final = 0x6C696E6E << 16
"""The first of them: a lane's lock is this plus its number."""

MIGRATIONS: Final = LANES | 0xFFFF
IMPORTS: Final = LANES | 0xFFFE
STALLED_JOBS: Final = LANES | 0xFFFD
BACKUPS: Final = LANES | 0xFFFC
VALKEY_HISTORY: Final = LANES | 0xFFFB
