"""Secrets: a type that never shows its value, and the two places where one may come from."""

import hmac
from collections.abc import Mapping
from pathlib import Path


class Secret:
    """Text that only `reveal` shows; everything else prints stars."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value; call it only where it is sent to its owner."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def secret(variable: str, file: Path | None, environment: Mapping[str, str], mistakes: list[str]) -> Secret | None:
    """Read a secret from its environment variable, or else from the file that the settings name; None when neither is set."""
    value = environment.get(variable, "").strip()
    if value:
        if file is not None:
            mistakes.append(f"{variable}: is set beside the file {str(file)!r}; keep one of the two")
        return Secret(value)
    if file is None:
        return None
    try:
        value = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(f"{variable}: the file {str(file)!r} cannot be read ({type(error).__name__}); correct its path or rights")
        return None
    if not value:
        mistakes.append(f"{variable}: the file {str(file)!r} is empty; put the secret into it")
        return None
    return Secret(value)
