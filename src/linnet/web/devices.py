"""What a browser calls itself, in the few words by which people know it."""

from typing import Final

# The first that stands in the name wins: nearly all of them claim to be others, too.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "a Mac"),
    ("Linux", "Linux"),
)


def device_name(raw: str) -> str:
    """A browser and what it runs on; whatever else it is, as it calls itself."""
    browser = next((name for mark, name in _BROWSERS if mark in raw), "")
    system = next((name for mark, name in _SYSTEMS if mark in raw), "")
    if not raw.startswith("Mozilla/") or not browser:
        return raw or "A device without a name"
    return f"{browser} on {system}" if system else browser
