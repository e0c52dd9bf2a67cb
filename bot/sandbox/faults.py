"""Faults of the REST side, as a list that tests and the page fill."""

import re
from dataclasses import asdict, dataclass, field
from typing import Literal

from bot.sandbox.errors import JSON
from core.model.errors import RefusedError

When = Literal["before", "after"]


@dataclass(slots=True)
class Fault:
    """What happens to the next `count` requests that match.

    Attributes
    ----------
    method, path : str
        `*` or an HTTP method; a regular expression that is searched in the path below `/api/v10`.
    count : int
        How often it still happens; below zero: until it is taken away.
    when : str
        `before` or `after` the request had its effect.
    status : int
        Answer with this status (0: the real answer, for a mere delay).
    body, headers : dict
        Of that answer.
    delay : float
        Seconds to wait first (or, with `after`, between effect and answer).
    cut : bool
        Close the connection instead of an answer.
    """

    method: str = "*"
    path: str = ""
    count: int = 1
    when: When = "before"
    status: int = 0
    body: JSON | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False

    def matches(self, method: str, path: str) -> bool:
        """Whether it is about this request."""
        return self.count != 0 and self.method in {"*", method} and re.search(self.path, path) is not None


class Faults:
    """The list, in the order in which it was filled."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put one in.

        Raises
        ------
        RefusedError
            The path is no regular expression.
        """
        try:
            re.compile(fault.path)
        except re.error as error:
            raise RefusedError(f"the fault's path {fault.path!r} is not a regular expression ({error})") from error
        self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """Give the first fault for this request and count it down."""
        for fault in self._faults:
            if fault.matches(method, path):
                fault.count -= 1
                self._faults = [item for item in self._faults if item.count != 0]
                return fault
        return None

    def clear(self) -> None:
        """No more faults."""
        self._faults.clear()

    def listed(self) -> list[JSON]:
        """Those that wait."""
        return [asdict(fault) for fault in self._faults]


def rate_limited(seconds: float, scope: str, *, via: bool = True) -> tuple[JSON, dict[str, str]]:
    """Body and headers of a 429; without `via` clients take it for a ban by Cloudflare."""
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": scope == "global"}
    headers = {"Retry-After": str(max(1, round(seconds))), "X-RateLimit-Scope": scope, "X-RateLimit-Reset-After": f"{seconds:.3f}"}
    if scope == "global":
        headers["X-RateLimit-Global"] = "true"
    if via:
        headers["Via"] = "1.1 loopback"
    return body, headers
