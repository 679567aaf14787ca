"""Measured costs out of what ``linnet bench`` writes with ``--json``.

``linnet capacity --take growth.json --take online.json --take streams.json > measured.json`` makes the file that the
package has. What several files say is taken from the last of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from linnet.capacity.figures import NEEDED, BadFigures, Figure, Figures, MeasuredLoad

_GROWTH = "linnet bench growth"
_ONLINE = "linnet bench online"
_STREAMS = "linnet bench streams"


def take_figures(paths: Sequence[Path], known: Figures) -> Figures:
    """Those of the files, and what none of them says as it is known already. Raises ``BadFigures``."""
    figures, loads = dict(known.figures), list(known.loads)
    for path in paths:
        try:
            written = msgspec.json.decode(path.read_bytes())
            taken, measured = _from(written)
        except (msgspec.DecodeError, LookupError, TypeError, ValueError, StopIteration) as error:
            raise BadFigures(f"{path} is nothing that `linnet bench … --json` writes.") from error
        figures |= taken
        loads = measured or loads
    return Figures({name: figures[name] for name in NEEDED}, loads)


def _from(written: Any) -> tuple[dict[str, Figure], list[MeasuredLoad]]:
    if isinstance(written, dict) and "sizes" in written:
        return _from_growth(written)
    if isinstance(written, dict) and "push" in written:
        return _from_online(written), []
    return _from_streams(written), []


def _where(machine: Mapping[str, Any], more: str) -> str:
    return (
        f"{machine['processors']} cores, {machine['memory_gb']} GB, Python {machine['python']}, load"
        f" {machine['load_before']:.1f}, {machine['measured_at'][:10]}; {more}"
    )


def _from_growth(written: Mapping[str, Any]) -> tuple[dict[str, Figure], list[MeasuredLoad]]:
    """Of the largest place. What a batch costs is what a tweet alone costs more than one among many."""
    size = written["sizes"][-1]
    where = _where(written["machine"], f"{size['people']:,} people")
    many, alone, fans = (size[name] for name in ("posting", "posting_alone", "fanout"))
    each = fans["count"] / max(1.0, fans["deliveries"])

    def per_delivery(role: str) -> float:
        return float(max(0.0, fans["cpu_us"][role] - alone["cpu_us"][role]) * each)

    searches = list(size["search"].values())
    disk = size["disk_bytes"]
    people, follows, tweets = size["people"], size["follows"], size["tweets"]
    weighed = size["window_bytes"]
    values = {
        "page_web_us": size["home_us"],
        "page_valkey_us": size["home"]["Valkey"],
        "cold_web_us": size["cold"]["cpu_us"]["web"],
        "cold_postgres_us": size["cold"]["cpu_us"]["PostgreSQL"],
        "post_web_us": many["cpu_us"]["web"],
        "post_worker_us": many["cpu_us"]["worker"],
        "post_postgres_us": many["cpu_us"]["PostgreSQL"],
        "batch_worker_us": max(0.0, alone["cpu_us"]["worker"] - many["cpu_us"]["worker"]),
        "batch_postgres_us": max(0.0, alone["cpu_us"]["PostgreSQL"] - many["cpu_us"]["PostgreSQL"]),
        "delivery_worker_us": per_delivery("worker"),
        "delivery_valkey_us": per_delivery("Valkey"),
        "delivery_postgres_us": per_delivery("PostgreSQL"),
        "search_web_us": sum(search["cpu_us"]["web"] for search in searches) / len(searches),
        "search_postgres_us": sum(search["cpu_us"]["PostgreSQL"] for search in searches) / len(searches),
        "web_process_bytes": size["memory_mb"]["web"] * 1e6,
        "worker_process_bytes": size["memory_mb"]["worker"] * 1e6,
        "window_bytes": sum(weighed) / len(weighed),
        "person_bytes": sum(disk[table] for table in ("users", "usernames", "emails", "follow_changes")) / people,
        "follow_bytes": (disk["following"] + disk["followers"]) / follows,
        "tweet_bytes": (disk["tweets"] + disk["tweet_documents"]) / tweets,
    }
    loads = [
        MeasuredLoad(
            name,
            load["per_second"],
            load["count"],
            load["deliveries"] / load["count"],
            load["lag_p50_below_ms"],
            load["lag_p99_below_ms"],
        )
        for name, load in (
            ("one tweet at a time", alone),
            (f"{fans['deliveries'] / fans['count']:,.0f} windows a tweet", fans),
            ("as many tweets as are accepted", many),
        )
    ]
    return {name: Figure(float(value), _GROWTH, where) for name, value in values.items()}, loads


def _from_online(written: Mapping[str, Any]) -> dict[str, Figure]:
    real, full = written["real"], written["full"]
    where = _where(written["machine"], f"{real['windows']:,} windows")
    values = {"window_bytes": real["bytes_each"]}
    if full is not None:
        values["full_window_bytes"] = full["bytes_each"]
    return {name: Figure(float(value), _ONLINE, where) for name, value in values.items()}


def _from_streams(written: Any) -> dict[str, Figure]:
    """The list of ``linnet bench``, in which streams are one of the scenarios."""
    scenarios = written["measured"] if isinstance(written, dict) else written
    scenario = next(one for one in scenarios if one["scenario"] == "streams")
    memory = next(one for one in scenario["comparisons"] if one["name"] == "idle stream")
    heard = next(one for one in scenario["sides"] if one["name"] == "answer → heard")
    when = f"; {written['measured_at'][:10]}" if isinstance(written, dict) else ""
    where = f"{scenario['notes']}{when}"
    kilo = 1024 if memory["unit"].upper().startswith("KB") else 1
    return {
        "stream_bytes": Figure(float(memory["ours"]) * kilo, _STREAMS, where),
        "stream_delivery_us": Figure(float(heard["cpu_us"]["web"]), _STREAMS, where),
    }
