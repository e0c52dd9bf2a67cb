"""A broker whose calls are counted: answered or not. What it refuses is an answer."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from core.engine.gauges import Gauges
from core.model.errors import OperatorError, RefusedError
from core.ports.broker import Broker


class Metered:
    """Stands before an adapter and has every verb and every fact of it."""

    def __init__(self, broker: Broker, gauges: Gauges) -> None:
        self._broker, self._gauges = broker, gauges

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the adapter has
        found = getattr(self._broker, name)
        return self._counted(found) if inspect.iscoroutinefunction(found) else found

    def _counted(self, verb: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def call(*args: object, **kwargs: object) -> object:
            answered = False
            try:
                answer = await verb(*args, **kwargs)
                answered = True
            except (RefusedError, OperatorError):
                answered = True
                raise
            finally:
                self._gauges.called(answered=answered)
            return answer

        return call
