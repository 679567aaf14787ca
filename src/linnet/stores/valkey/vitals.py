"""What an operator asks about Valkey as a whole: is it the right one, how full is it, and who listens to it."""

import msgspec

from linnet.stores.valkey.client import Valkey, read_info
from linnet.stores.valkey.keys import escape


class ValkeyVitals(msgspec.Struct, frozen=True):
    """``product`` is "Valkey", or whatever else speaks its protocol. ``max_bytes`` is 0 when memory has no bound.

    ``policy`` says what goes when memory is full. ``is_writing`` is False when its file could not be written.
    """

    where: str
    product: str
    version: str
    is_replica: bool
    used_bytes: int
    max_bytes: int
    policy: str
    evicted_keys: int
    is_writing: bool


async def holds_keys(valkey: Valkey, prefix: bytes) -> bool:
    """Whether any key begins so: looks at all keys there are, a thousand at a time."""
    async for _ in valkey.scan(escape(prefix) + b"*", keys_per_step=1000):
        return True
    return False


async def fetch_vitals(valkey: Valkey) -> list[ValkeyVitals]:
    """Of every primary. Raises ``Unavailable`` when one is away, ``ValkeyReplyError`` when one does not want to say."""
    return [await _find_vitals(primary) for primary in valkey.primaries]


async def _find_vitals(valkey: Valkey) -> ValkeyVitals:
    answers = [valkey.call(b"INFO", section) for section in ("server", "memory", "stats", "replication", "persistence")]
    facts: dict[str, str] = {}
    for answer in answers:
        facts |= read_info(await answer)
    is_valkey = facts.get("server_name") == "valkey" or "valkey_version" in facts
    return ValkeyVitals(
        where=valkey.label,
        product="Valkey" if is_valkey else "Redis",
        version=facts.get("valkey_version") or facts.get("redis_version", ""),
        is_replica=facts.get("role", "master") != "master",
        used_bytes=int(facts.get("used_memory", 0)),
        max_bytes=int(facts.get("maxmemory", 0)),
        policy=facts.get("maxmemory_policy", ""),
        evicted_keys=int(facts.get("evicted_keys", 0)),
        is_writing="err" not in (facts.get("aof_last_write_status"), facts.get("rdb_last_bgsave_status")),
    )


async def count_listeners(valkey: Valkey, channel: bytes) -> int:
    """How many connections listen to a channel."""
    asked = b"SHARDNUMSUB" if valkey.publish_verb == "SPUBLISH" else b"NUMSUB"
    answers = [primary.call(b"PUBSUB", asked, channel) for primary in valkey.primaries]
    return sum([int((await answer)[1]) for answer in answers])
