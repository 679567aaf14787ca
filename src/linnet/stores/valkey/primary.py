"""Who is the primary now, by Sentinel; and redis-py's way to it, for pub/sub. Asked anew for every connection."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from linnet.errors import Unavailable
from linnet.stores.valkey.address import Address, Sentinels

# A Sentinel that is away must not hold up the next one for long: they are asked one after the other.
_SENTINEL_SECONDS = 0.5
_CONNECT_SECONDS = 2.0


async def find_primary(sentinels: Sentinels) -> tuple[str, int]:
    """Host and port of the primary, from the first Sentinel that sees it alive. Raises ``Unavailable`` if none does."""
    asked = Sentinel(  # type: ignore[no-untyped-call]  # redis-py declares no types here
        sentinels.nodes, sentinel_kwargs=_sentinel_options(sentinels)
    )
    try:
        host, port = await asked.discover_master(sentinels.service)
    except (RedisError, OSError) as error:
        # Not the error's own words: they name every Sentinel with all its options.
        kind = type(error).__name__
        raise Unavailable(f"no Sentinel names a primary of {sentinels.service} that is alive ({kind})") from None
    finally:
        await asked.aclose()
    return str(host), int(port)


async def connect_redis(address: Address) -> Redis:
    """A client of redis-py for one connection. When that is lost, this is to be called again."""
    host, port = address.host, address.port
    if address.sentinels is not None:
        host, port = await find_primary(address.sentinels)
    return Redis(
        host=host,
        port=port,
        unix_socket_path=address.socket_path,
        ssl=address.tls,
        username=address.username,
        password=address.password,
        db=address.database,
        socket_timeout=None,
        socket_connect_timeout=_CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _sentinel_options(sentinels: Sentinels) -> dict[str, object]:
    return {
        "username": sentinels.username,
        "password": sentinels.password,
        "socket_timeout": _SENTINEL_SECONDS,
        "socket_connect_timeout": _SENTINEL_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
