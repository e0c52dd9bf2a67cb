"""Asking the broker. Every question has a time limit, and a question without an answer says nothing."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from core.model.errors import RetryError

T = TypeVar("T")

SECONDS = 10.0


async def ask(answer: Awaitable[T]) -> T:
    """Wait for an answer that may be asked for again.

    Raises
    ------
    RetryError
        None came in time, or the connection broke.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await answer
    except OSError as error:
        raise RetryError(f"the broker did not answer ({type(error).__name__}); it is asked again") from error
