"""Checks of settings: those that do not go together, and those that the workers do not have."""

from linnet.bootstrap.checkup.finding import Finding, Patient
from linnet.settings import Settings
from linnet.stores.postgres import vitals
from linnet.write.rules import fetch_other_rules


async def check_settings(patient: Patient) -> list[Finding]:
    """Of this command's environment, which should be that of the processes that serve."""
    settings, db = patient.services.settings, patient.services.db
    found = [Finding("settings", "note", sentence, advice) for sentence, advice in contradictions(settings)]
    if "schema" not in patient.blocked:
        if others := await fetch_other_rules(db, settings.write):
            said = "; ".join(f"{other.subject}, {other.there} there and {other.here} here" for other in others)
            sentence = f"The workers were started with other settings than this command: {said}."
            advice = "Run it with their environment; a worker takes up a changed setting when it is started anew."
            found.append(Finding("settings", "note", sentence, advice))
        if patient.data_dir is None:
            # `linnet serve` shares out the connections of its own server by itself.
            found += await _check_connections(patient)
    return found or [Finding("settings", "well", "They go together.")]


def contradictions(settings: Settings) -> list[tuple[str, str]]:
    """What does not go together, each with what to do."""
    found = []
    trending = settings.write.trending
    if trending.half_life_hours > trending.window_hours:
        found.append(
            (
                f"Uses of a tag are forgotten after {trending.window_hours} h, before they count half as much"
                f" ({trending.half_life_hours} h).",
                "Make LINNET_TRENDING_WINDOW_HOURS some times LINNET_TRENDING_HALF_LIFE_HOURS.",
            )
        )
    if settings.web.public_url.startswith("https://") and not settings.trusted_proxies:
        found.append(
            (
                "People come in through a proxy (LINNET_PUBLIC_URL), and none is trusted to say who they are:"
                " all of them share the rate limits of one address.",
                "Name it in LINNET_TRUSTED_PROXIES.",
            )
        )
    if not settings.limits.enabled:
        found.append(
            (
                "Rate limits are off: anybody may try any number of passwords.",
                "Set LINNET_RATE_LIMITS_ENABLED to true.",
            )
        )
    return found


async def _check_connections(patient: Patient) -> list[Finding]:
    settings = patient.services.settings
    server = await vitals.find_server(patient.services.db)
    wanted = settings.postgres.pool_size * (settings.web.processes + 1)
    if wanted <= server.max_connections:
        return []
    sentence = (
        f"{settings.web.processes} web processes and a worker may open {wanted} connections to PostgreSQL,"
        f" which admits {server.max_connections}."
    )
    advice = "Lower LINNET_DATABASE_POOL_SIZE or LINNET_WEB_PROCESSES, or raise max_connections."
    return [Finding("settings", "note", sentence, advice)]
