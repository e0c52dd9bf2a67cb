"""Rate limits: a fixed window for each bucket, and one for everything."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

GLOBAL = 50


@dataclass(slots=True)
class _Window:
    used: int
    ends: float


@dataclass(frozen=True, slots=True)
class Grant:
    """Answer of the limits: allowed or how long to wait, and the headers that tell the client."""

    allowed: bool
    scope: str
    retry_after: float
    headers: dict[str, str]


class Buckets:
    """Windows by route and channel. Times are the clock's monotonic seconds."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._global = _Window(0, 0.0)

    def take(self, method: str, path: str, now: float, wall: datetime) -> Grant:
        """Use one request of a bucket."""
        key, limit, seconds = bucket(method, path)
        exempt = path.startswith(("/interactions/", "/webhooks/"))
        if not exempt and not self._fits(self._global, GLOBAL, 1.0, now):
            return Grant(allowed=False, scope="global", retry_after=self._global.ends - now, headers={})
        window = self._windows.setdefault(key, _Window(0, 0.0))
        fits = self._fits(window, limit, seconds, now)
        left = window.ends - now
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - window.used)),
            "X-RateLimit-Reset": f"{wall.timestamp() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(key.encode()).hexdigest()[:32],
        }
        return Grant(fits, "user", max(0.0, left), headers)

    @staticmethod
    def _fits(window: _Window, limit: int, seconds: float, now: float) -> bool:
        if now >= window.ends:
            window.used, window.ends = 0, now + seconds
        if window.used >= limit:
            return False
        window.used += 1
        return True


def bucket(method: str, path: str) -> tuple[str, int, float]:
    """Key, number and seconds of a request's bucket; the major part of the path (channel, guild, webhook) is in the key."""
    parts = path.strip("/").split("/")
    major = "/".join(parts[:3] if parts[0] == "webhooks" else parts[:2])
    if "reactions" in parts and method in {"PUT", "DELETE"}:
        return f"{major} reactions", 1, 0.25
    if parts[-1] == "messages" and method == "POST":
        return f"{major} send", 5, 5.0
    if "messages" in parts and method in {"PATCH", "DELETE"}:
        return f"{major} {method} message", 5, 5.0
    if parts[0] in {"webhooks", "interactions"}:
        return f"{major} webhook", 5, 2.0
    return f"{major} {method}", 10, 5.0
