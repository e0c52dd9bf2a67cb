"""The second way to reach people: what must be noticed even when Discord is not read, or not there."""

from typing import Protocol


class Pager(Protocol):
    """Pages the persons of the desk. Never raises into the engine."""

    def page(self, title: str, body: str) -> None:
        """Send it soon, again and again until it was taken. Returns at once; what was just paged is not repeated."""
        ...
