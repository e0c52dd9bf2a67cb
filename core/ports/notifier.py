"""Where notes go."""

from typing import Protocol


class Notifier(Protocol):
    """Delivers the outbox. Never raises into the engine."""

    def wake(self) -> None:
        """Something was put into the outbox; deliver it soon. Returns at once."""
        ...
