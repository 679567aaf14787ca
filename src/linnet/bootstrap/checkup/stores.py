"""Checks of what everything rests on: PostgreSQL and its schema, Valkey, clocks, and room for files."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

from linnet.bootstrap.checkup.finding import Finding, Patient, lasting, said_by, sized
from linnet.bootstrap.moves.leaving import find_move
from linnet.errors import Unavailable
from linnet.ids import random_bytes
from linnet.stores.media import parse_media_url
from linnet.stores.postgres import vitals as postgres_vitals
from linnet.stores.postgres.migrate import SchemaMismatch, check_schema
from linnet.stores.valkey import vitals as valkey_vitals
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.vitals import ValkeyVitals

OLDEST_POSTGRES = 160_000
OLDEST_VALKEY = 8
_NEARLY_FULL = 0.9
_LOOKS_AT_CLOCK = 3
_LOOK_AGAIN_SECONDS = 0.1


async def check_postgresql(patient: Patient) -> list[Finding]:
    """Opens the pool."""
    name, db, clock = "PostgreSQL", patient.services.db, patient.services.clock
    began = clock.steady_seconds()
    try:
        await db.open()
        server = await postgres_vitals.find_server(db)
    except Unavailable as error:
        return [await _postgresql_away(patient, error)]
    seconds = clock.steady_seconds() - began
    details = {
        "version": server.version,
        "connections": server.connections,
        "max_connections": server.max_connections,
        "connect_seconds": round(seconds, 4),
    }
    version = server.version.split()[0]
    if server.version_number < OLDEST_POSTGRES:
        sentence = f"This is version {version}, and linnet needs {OLDEST_POSTGRES // 10_000} or a later one."
        return [Finding(name, "wrong", sentence, "Bring it up to date.", details, blocks=True)]
    if server.is_read_only:
        sentence = "It can only be read: a replica, or told so. Nobody can post."
        return [Finding(name, "wrong", sentence, "Let LINNET_DATABASE_URL name the primary.", details)]
    used = f"{server.connections} of {server.max_connections} connections are in use"
    if server.connections > server.max_connections * _NEARLY_FULL:
        advice = "Raise max_connections, or lower LINNET_DATABASE_POOL_SIZE or LINNET_WEB_PROCESSES."
        return [Finding(name, "wrong", f"{used}: soon new ones are refused.", advice, details)]
    return [Finding(name, "well", f"Version {version} answers; {used}.", details=details)]


async def _postgresql_away(patient: Patient, error: Unavailable) -> Finding:
    # A pool says only that it has no connection. Who makes one by hand is told why.
    try:
        await asyncio.to_thread(check_schema, patient.services.settings.postgres.url)
    except Unavailable as cause:
        error = cause
    except SchemaMismatch:
        # It answers again.
        pass
    advice = (
        f"Look into {patient.data_dir}/logs/postgres.log, and start `linnet serve` again."
        if patient.data_dir
        else "Start it, or correct LINNET_DATABASE_URL."
    )
    sentence = f"It does not answer, and nothing works without it: {said_by(error)}"
    return Finding("PostgreSQL", "wrong", sentence, advice, blocks=True)


async def check_replicas(patient: Patient) -> list[Finding]:
    """Nothing to say where there are none. Waits for each as long as it may lag."""
    replicas, clock = patient.services.read.replicas, patient.services.clock
    if replicas is None or not replicas.all:
        return []
    if "PostgreSQL" in patient.blocked:
        return [Finding("replicas", "skipped", "Not looked at, because of PostgreSQL.")]
    began, bound = clock.steady_seconds(), replicas.options.lag_seconds
    while True:
        await replicas.look()
        late = [each for each in replicas.all if not each.cause and each.fresh_at < began]
        waited = clock.steady_seconds() - began
        if not late or waited > bound:
            break
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    found = []
    for replica in replicas.all:
        if replica.cause:
            sentence = f"The replica {replica.name} is not asked: {said_by(ValueError(replica.cause))}"
            advice = "Mend it, or take it out of LINNET_DATABASE_REPLICA_URLS. The primary answers in its place."
            found.append(Finding("replicas", "wrong", sentence, advice))
        elif replica in late:
            sentence = f"The replica {replica.name} is more than {lasting(bound)} behind, and is not asked."
            found.append(Finding("replicas", "wrong", sentence, "See what holds it up: its disk, or the network."))
        else:
            details = {"replica": replica.name, "lag_seconds": round(waited, 3)}
            sentence = f"The replica {replica.name} had all of it within {lasting(max(waited, 0.1))}."
            found.append(Finding("replicas", "well", sentence, details=details))
        await replica.db.close()
    return found


async def check_migrations(patient: Patient) -> list[Finding]:
    try:
        await asyncio.to_thread(check_schema, patient.services.settings.postgres.url)
    except SchemaMismatch as error:
        # It says itself what to do.
        return [Finding("schema", "wrong", str(error), blocks=True)]
    return [Finding("schema", "well", "It is the one that this linnet works with."), *await _check_move(patient)]


async def _check_move(patient: Patient) -> list[Finding]:
    """Nothing to say where no place leaves."""
    begun = await find_move(patient.services.settings)
    if begun is None:
        return []
    if begun.has_moved:
        sentence = f"This place has moved to {begun.destination}, and can only be read here."
        return [Finding("move", "wrong", sentence, "Stop what runs here, and serve there.")]
    sentence = f"A move to {begun.destination} was begun and is not through: each change is noted for it."
    return [Finding("move", "note", sentence, "Go on with it, or give it up: `linnet move cancel`.")]


async def check_clock(patient: Patient) -> list[Finding]:
    """This machine's clock beside PostgreSQL's. What the question itself takes is no difference."""
    clock = patient.services.clock
    looks = []
    for _ in range(_LOOKS_AT_CLOCK):
        before = clock.now_ms()
        there = await postgres_vitals.find_now_ms(patient.services.db)
        after = clock.now_ms()
        looks.append((abs(after - before), there - (before + after) / 2))
    doubt_ms, ahead_ms = min(looks)
    off_seconds = max(0.0, abs(ahead_ms) - doubt_ms / 2) / 1000
    details = {"postgresql_ahead_seconds": round(ahead_ms / 1000, 3)}
    if off_seconds > patient.options.clock_seconds:
        side = "ahead of" if ahead_ms > 0 else "behind"
        sentence = (
            f"PostgreSQL's clock is {lasting(off_seconds)} {side} this machine's: tweets would come out of order."
        )
        return [Finding("clock", "wrong", sentence, "Keep the clocks of all machines in step, with NTP.", details)]
    return [Finding("clock", "well", "This machine and PostgreSQL agree on the time.", details=details)]


async def check_valkey(patient: Patient) -> list[Finding]:
    name, valkey = "Valkey", patient.services.valkey
    try:
        await valkey.open()
        await valkey.ping()
    except Unavailable as error:
        where = (
            f"Look into {patient.data_dir}/logs/valkey.log."
            if patient.data_dir
            else "Start it, or correct LINNET_VALKEY_URL."
        )
        sentence = f"It does not answer; until it does, every page comes from PostgreSQL, more slowly: {said_by(error)}"
        return [Finding(name, "wrong", sentence, where, blocks=True)]
    try:
        servers = await valkey_vitals.fetch_vitals(valkey)
    except ValkeyReplyError as error:
        return [Finding(name, "note", f"It answers, and does not say how it is: {said_by(error)}")]
    of_each = [
        {
            "product": found.product,
            "version": found.version,
            "used_bytes": found.used_bytes,
            "max_bytes": found.max_bytes,
            "maxmemory_policy": found.policy,
            "evicted_keys": found.evicted_keys,
        }
        for found in servers
    ]
    details: dict[str, Any] = of_each[0] if len(servers) == 1 else {"primaries": of_each}
    for found in servers:
        if wrong := _wrong_with(found):
            sentence, advice = wrong
            at = "" if len(servers) == 1 else f"{found.where}: "
            return [Finding(name, "wrong", at + sentence, advice, details)]
    found = servers[0]
    if len(servers) > 1:
        used = sized(sum(one.used_bytes for one in servers))
        sentence = f"A cluster of {len(servers)} primaries answers; {used} of memory are in use."
        return [Finding(name, "well", sentence, details=details)]
    bound = f" of {sized(found.max_bytes)}" if found.max_bytes else ""
    sentence = f"{found.product} {found.version} answers; {sized(found.used_bytes)}{bound} of memory are in use."
    if found.product != "Valkey":
        advice = f"linnet is tested with Valkey {OLDEST_VALKEY} and later."
        return [Finding(name, "note", sentence, advice, details)]
    return [Finding(name, "well", sentence, details=details)]


def _wrong_with(found: ValkeyVitals) -> tuple[str, str] | None:
    """What is not well, and what to do."""
    major = int(found.version.partition(".")[0] or 0)
    if found.product == "Valkey" and major < OLDEST_VALKEY:
        return (
            f"This is version {found.version}, and linnet needs {OLDEST_VALKEY} or a later one.",
            "Bring it up to date.",
        )
    if found.is_replica:
        return "This is a replica, which refuses to write.", "Let LINNET_VALKEY_URL name the primary."
    if found.max_bytes and found.policy != "noeviction":
        # What belongs together would go one by one: a note of whom a reader left, but not the window that needs it.
        return (
            f"When its memory is full it throws single keys away ({found.policy}), and timelines come to be wrong.",
            "Set its maxmemory-policy to noeviction.",
        )
    if found.max_bytes and found.used_bytes > found.max_bytes * _NEARLY_FULL:
        return (
            f"{sized(found.used_bytes)} of its {sized(found.max_bytes)} of memory are used: soon it refuses to write.",
            "Raise its maxmemory, or lower LINNET_WINDOW_ENTRIES.",
        )
    if not found.is_writing:
        return "It could not write its file, and may refuse to work.", "Give its disk room, and look into its log."
    return None


async def check_pictures(patient: Patient) -> list[Finding]:
    """Puts a file there and takes it away. Makes no directory: it would belong to who looks, not to who serves."""
    name, media = "pictures", patient.services.read.media
    if not media.is_configured:
        sentence = "LINNET_MEDIA_URL is not set here, so it is not known where they are kept."
        advice = "Set it as it is for the processes that serve; where it is not set, nobody can upload a picture."
        return [Finding(name, "note", sentence, advice)]
    address = parse_media_url(media.options.url)
    if not address.bucket and not (directory := Path(address.path)).exists():
        above = next(parent for parent in directory.parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            sentence = f"{directory} is not there and cannot be made."
            return [Finding(name, "wrong", sentence, "Make it, or correct LINNET_MEDIA_URL.")]
        return [Finding(name, "well", f"None yet: {directory} is made with the first one.")]
    where = address.path if not address.bucket else f"the bucket {address.bucket}"
    path = f"doctor-{random_bytes(8).hex()}"
    try:
        await media.put(path, b"linnet doctor", media_type="text/plain")
        await media.delete(path)
    except Unavailable as error:
        sentence = f"They cannot be written to {where}: {said_by(error)}"
        return [Finding(name, "wrong", sentence, "Let linnet write there: nobody can upload a picture.")]
    return [Finding(name, "well", f"They can be written to {where}.")]


async def check_disk(patient: Patient) -> list[Finding]:
    """Where this machine keeps data of linnet; nothing where it keeps none."""
    places = [] if patient.data_dir is None else [patient.data_dir]
    url = patient.services.settings.media.url
    if url and not (address := parse_media_url(url)).bucket:
        places.append(Path(address.path))
    devices: dict[int, Finding] = {}
    for place in places:
        there = next(path for path in (place, *place.parents) if path.exists())
        space = shutil.disk_usage(there)
        details = {"path": str(place), "free_bytes": space.free, "total_bytes": space.total}
        sentence = f"{sized(space.free)} of {sized(space.total)} are free at {place}"
        if space.free < patient.options.min_free_bytes:
            advice = "Make room: a full disk stops PostgreSQL, and with it everything."
            finding = Finding("disk", "wrong", f"Only {sentence}.", advice, details)
        else:
            finding = Finding("disk", "well", f"{sentence}.", details=details)
        devices.setdefault(there.stat().st_dev, finding)
    return list(devices.values())
