"""How long a session lasts."""

SESSION_DAYS = 90


def unused_since_ms(now_ms: int) -> int:
    """Sessions last used at this moment or before are over."""
    return now_ms - SESSION_DAYS * 86_400_000
