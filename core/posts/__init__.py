"""Scheduled posts: one file each, a frozen dataclass with a `name` and `compose(engine, at)`.

A post asks the engine and its journal and computes everything it says; what is unknown reads "n/a". It is a pure reader: it changes
nothing. Found by its folder and called by the timetable under its name; imports the engine and everything below, imported by the
composition roots, and by slash commands for the lines on limits. To add a post, add a file here and a line to the timetable; files
that begin with an underscore are shared wording.
"""

from datetime import datetime
from typing import ClassVar, Protocol

from core.engine.engine import Engine
from core.model.notes import Note
from core.posts._limits import of_each_trade, usage

__all__ = ["Post", "of_each_trade", "usage"]


class Post(Protocol):
    """One scheduled note."""

    name: ClassVar[str]

    async def compose(self, engine: Engine, at: datetime) -> Note:
        """Write the note of the occasion `at` (aware UTC); the same occasion gives the same note id.

        Raises
        ------
        RetryError
            The market did not answer.
        """
        ...
