"""Backup and restore: one file that holds a whole place, tables and pictures, as it was at one moment.

``taking.py`` writes the file while people go on, ``restoring.py`` makes an empty place of it, ``archive.py`` knows what
it looks like inside.
"""

from linnet.bootstrap.backups.archive import Archive, BackupUnreadable, Contents, read_archive
from linnet.bootstrap.backups.restoring import check_version, restore_backup
from linnet.bootstrap.backups.taking import BACKUP_FACT, note_backup, take_backup

__all__ = [
    "BACKUP_FACT",
    "Archive",
    "BackupUnreadable",
    "Contents",
    "check_version",
    "note_backup",
    "read_archive",
    "restore_backup",
    "take_backup",
]
