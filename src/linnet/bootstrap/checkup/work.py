"""Checks of what is to be done behind the answers: events, jobs, and who does them; and of what came of it."""

from datetime import datetime

from linnet.bootstrap.backups import BACKUP_FACT
from linnet.bootstrap.checkup.finding import Finding, Patient, counted, lasting
from linnet.ids import WORKERS
from linnet.read.timelines.verify import verify_windows
from linnet.stores.postgres import jobs, outbox, reports, vitals
from linnet.stores.postgres.leases import find_fact
from linnet.stores.valkey.vitals import count_listeners

_MOST_PROCESSES = WORKERS * 9 // 10
# So many are enough to say that something is wrong, and each takes seconds to be sure of.
_ENOUGH_DIFFERENCES = 3
_NAMED = 3
_LONGEST_REASON = 200


async def check_processes(patient: Patient) -> list[Finding]:
    """Each process that serves or works holds the right to mint ids, and says so every few seconds."""
    name, leases = "processes", await vitals.find_leases(patient.services.db)
    ahead_seconds = (leases.until_ms - patient.services.clock.now_ms()) / 1000
    details = {"processes": leases.held, "ids_ahead_seconds": round(ahead_seconds, 3)}
    if ahead_seconds > patient.options.ids_ahead_seconds:
        sentence = (
            f"Ids may have been given up to {lasting(ahead_seconds)} ahead of time: some machine's clock was wrong."
        )
        advice = "Keep the clocks of all machines in step. Until then newer tweets may stand below those."
        return [Finding(name, "wrong", sentence, advice, details)]
    if not leases.held:
        advice = "Start `linnet serve`, or `linnet web` and `linnet worker --jobs`."
        return [Finding(name, "wrong", "No process of linnet runs on these servers.", advice, details)]
    if leases.held > _MOST_PROCESSES:
        sentence = f"{leases.held} of at most {WORKERS} processes run: soon no other one can start."
        return [Finding(name, "wrong", sentence, "Run fewer and larger ones.", details)]
    return [Finding(name, "well", f"{counted(leases.held, 'process', 'processes')} of linnet run.", details=details)]


async def check_events(patient: Patient) -> list[Finding]:
    """What waits in the lanes, how long already, and whether anybody listens for it."""
    services = patient.services
    depths = await outbox.fetch_depths(services.db)
    oldest_seconds = await vitals.find_oldest_event_seconds(services.db)
    workers: int | None = None
    if "Valkey" not in patient.blocked:
        workers = await count_listeners(services.valkey, services.keys.wake())
    waiting = sum(depths.values())
    details = {
        "waiting": waiting,
        "oldest_seconds": round(oldest_seconds, 3),
        "lanes": {str(lane): depth for lane, depth in depths.items()},
        "workers": workers,
    }
    wait = f"{counted(waiting, 'event')} {'waits' if waiting == 1 else 'wait'} in {counted(len(depths), 'lane')}"
    wait += f", the oldest for {lasting(oldest_seconds)}"
    if workers == 0:
        said = f"Nobody applies events ({wait})" if waiting else "Nobody applies events"
        sentence = f"{said}: followers do not see new tweets."
        return [Finding("events", "wrong", sentence, _serving(patient) or "Start `linnet worker`.", details)]
    if oldest_seconds > patient.options.late_seconds:
        sentence = f"{wait}: followers see new tweets late."
        advice = _serving(patient) or "Look into the log of `linnet worker`; if it is only busy, start another one."
        return [Finding("events", "wrong", sentence, advice, details)]
    by = "" if workers is None else f"; {counted(workers, 'worker')} {'applies' if workers == 1 else 'apply'} them"
    sentence = f"{wait}{by}." if waiting else f"None waits{by}."
    return [Finding("events", "well", sentence, details=details)]


def _serving(patient: Patient) -> str:
    """What to do about a process that ``linnet serve`` looks after; nothing when it is for others to do so."""
    return "`linnet serve` has one: look at what it said, and start it again." if patient.data_dir else ""


async def check_parked(patient: Patient) -> list[Finding]:
    parked = await vitals.count_parked(patient.services.db)
    details = {"parked": parked}
    if not parked:
        return [Finding("parked", "well", "No event was given up.", details=details)]
    was = "was" if parked == 1 else "were"
    sentence = (
        f"{counted(parked, 'event')} {was} given up after several tries: what came of it is not shown or counted."
    )
    advice = "`linnet events list` says more; `linnet events replay --all` tries again."
    first = await outbox.fetch_parked(patient.services.db, page_size=_NAMED)
    examples = tuple(f"{event.kind} of user {event.actor_id}: {event.reason[:_LONGEST_REASON]}" for event in first)
    return [Finding("parked", "wrong", sentence, advice, details, examples)]


async def check_jobs(patient: Patient) -> list[Finding]:
    services = patient.services
    by_status = await jobs.count_by_status(services.db)
    late = await vitals.find_late_jobs(services.db, late_seconds=patient.options.late_job_seconds)
    runners = await vitals.count_job_runners(services.db, stalled_seconds=services.settings.jobs.stalled_seconds)
    waiting, running, failed = (by_status.get(status, 0) for status in ("todo", "doing", "failed"))
    details = {"waiting": waiting, "running": running, "given_up": failed, "late": late.count, "runners": runners}
    found = []
    if not runners:
        sentence = (
            "Nobody runs background jobs: accounts that were left are not erased, and nothing old is cleared away."
        )
        found.append((sentence, _serving(patient) or "Start `linnet jobs`, or `linnet worker --jobs`."))
    elif late.count:
        sentence = f"{counted(late.count, 'job')} should have begun, the first {lasting(late.oldest_seconds)} ago."
        found.append((sentence, "`linnet jobs list` shows them; if others take long, start another `linnet jobs`."))
    if failed:
        sentence = f"{counted(failed, 'job')} {'was' if failed == 1 else 'were'} given up after several tries."
        advice = "`linnet jobs list` shows them, the log says why; `linnet jobs retry ID` tries again."
        found.append((sentence, advice))
    if not found:
        by = f"{counted(runners, 'process', 'processes')} {'runs' if runners == 1 else 'run'} them"
        return [
            Finding("jobs", "well", f"{waiting or 'None'} {'wait' if waiting > 1 else 'waits'}; {by}.", details=details)
        ]
    return [Finding("jobs", "wrong", sentence, advice, details) for sentence, advice in found]


async def check_reports(patient: Patient) -> list[Finding]:
    """What people told whoever runs this place. That some wait is no illness."""
    waiting = await reports.count_open(patient.services.db)
    details = {"waiting": waiting}
    if not waiting:
        return [Finding("reports", "well", "None waits for you.", details=details)]
    sentence = f"{counted(waiting, 'report')} {'waits' if waiting == 1 else 'wait'} for you."
    return [Finding("reports", "note", sentence, "`linnet reports list` shows what people say.", details)]


async def check_timelines(patient: Patient) -> list[Finding]:
    """A sample of those that are live, entry by entry."""
    compared = entries = 0
    differing: dict[str, str] = {}
    read, options = patient.services.read, patient.options
    async for checked in verify_windows(read, sample=options.sample, repair=False, options=options.verify):
        compared += 1
        entries += checked.entries
        if checked.differs:
            lacks = f"{len(checked.missing)} missing, {len(checked.extra)} too many"
            differing[str(checked.reader_id)] = lacks + ("" if checked.in_order else ", out of order")
            if len(differing) == _ENOUGH_DIFFERENCES:
                break
    details = {"compared": compared, "entries": entries, "user_ids": list(differing)}
    if differing:
        sentence = (
            f"{len(differing)} of {counted(compared, 'timeline')} that were compared differ from what they should be."
        )
        advice = "`linnet timelines verify --repair` drops such: the next read builds them again."
        examples = tuple(f"of user {user_id}: {lacks}" for user_id, lacks in differing.items())
        return [Finding("timelines", "wrong", sentence, advice, details, examples)]
    if not compared:
        return [Finding("timelines", "well", "None is kept: nobody has read one lately.", details=details)]
    equal = "is" if compared == 1 else "are all"
    sentence = f"{counted(compared, 'live timeline')} with {entries:,} entries {equal} as they should be."
    return [Finding("timelines", "well", sentence, details=details)]


async def check_backup(patient: Patient) -> list[Finding]:
    """How old the newest one of ``linnet backup`` is. There are other ways to take one, so none is no illness."""
    taken_at = await find_fact(patient.services.db, BACKUP_FACT)
    details = {"taken_at": taken_at}
    advice = "`linnet backup FILE` takes one while people go on; every night is best."
    if taken_at is None:
        return [Finding("backup", "note", "None was ever taken with `linnet backup`.", advice, details)]
    seconds = patient.services.clock.now_ms() / 1000 - datetime.fromisoformat(taken_at).timestamp()
    sentence = f"The newest was taken {lasting(max(0.0, seconds))} ago."
    if seconds > patient.options.old_backup_seconds:
        return [Finding("backup", "note", sentence, advice, details)]
    return [Finding("backup", "well", sentence, details=details)]
