"""Valkey: derived data. All of it may be wiped at any moment and comes back from PostgreSQL."""

from linnet.stores.valkey.client import Script, Valkey, ValkeyOptions
from linnet.stores.valkey.connection import ValkeyReplyError

__all__ = ["Script", "Valkey", "ValkeyOptions", "ValkeyReplyError"]
