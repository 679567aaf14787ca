"""Reports: what people tell the operator about others."""

from linnet.domain.reports import Report
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("reports")


async def put(db: Reader, report: Report) -> int | None:
    """Its id, which is an older one's if it says the same about the same; None: whoever reports is leaving."""
    report_id: int | None = await db.value(
        _sql["put"],
        report_id=report.id,
        user_id=report.user_id,
        about_id=report.about_id,
        tweet_ids=list(report.tweet_ids),
        category=report.category,
        comment=report.comment,
        rules=report.rules,
    )
    return report_id


async def fetch(db: Reader, *, after_id: int, page_size: int, with_resolved: bool) -> list[Report]:
    """The oldest first."""
    if with_resolved:
        return await db.fetch(Report, _sql["fetch_all"], after_id=after_id, page_size=page_size)
    return await db.fetch(Report, _sql["fetch_open"], after_id=after_id, page_size=page_size)


async def find(db: Reader, report_id: int) -> Report | None:
    return await db.find(Report, _sql["find"], report_id=report_id)


async def resolve(db: Reader, report: Report, *, resolution: str, now_ms: int) -> bool:
    """False when it was resolved already."""
    return bool(
        await db.run(_sql["resolve"], user_id=report.user_id, report_id=report.id, resolution=resolution, now_ms=now_ms)
    )


async def count_open(db: Reader) -> int:
    """How many wait for somebody."""
    count: int = await db.value(_sql["count_open"])
    return count
