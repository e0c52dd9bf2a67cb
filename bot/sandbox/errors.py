"""Refusals in Discord's own error format."""

from typing import Any

from core.model.errors import RefusedError

JSON = dict[str, Any]


class WireError(RefusedError):
    """An HTTP error answer: status, Discord's code and message, and errors by field path."""

    def __init__(self, status: int, code: int, message: str, fields: dict[str, tuple[str, str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = fields or {}

    def body(self) -> JSON:
        """Body as Discord writes it; field paths (`embeds.0.title`) nest down to `_errors`."""
        answer: JSON = {"message": str(self), "code": self.code}
        if self.fields:
            nested: JSON = {}
            for path, (code, message) in self.fields.items():
                place = nested
                for part in path.split("."):
                    place = place.setdefault(part, {})
                place.setdefault("_errors", []).append({"code": code, "message": message})
            answer["errors"] = nested
        return answer


def unknown(thing: str, code: int) -> WireError:
    """404 for an object that does not exist (any more)."""
    return WireError(404, code, f"Unknown {thing}")


def missing_access() -> WireError:
    """403: the channel cannot be seen."""
    return WireError(403, 50001, "Missing Access")


def missing_permissions() -> WireError:
    """403: seen, but not allowed."""
    return WireError(403, 50013, "Missing Permissions")


def invalid(fields: dict[str, tuple[str, str]]) -> WireError:
    """400 with the errors of each field."""
    return WireError(400, 50035, "Invalid Form Body", fields)
