"""Where a secret may come from: its environment variable, or the file that a `*_file` key names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.model.secrets import Secret

__all__ = ["Secret", "of_plugin", "secret"]


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


def of_plugin(section: str, plugin: Any, environment: Mapping[str, str], mistakes: list[str]) -> Mapping[str, Secret]:  # noqa: ANN401 - any settings
    """Read the secrets that a plug-in needs: its class attribute `secrets` maps each variable to the key that may name a file."""
    wanted: Mapping[str, str] = getattr(plugin, "secrets", {})
    found: dict[str, Secret] = {}
    for variable, key in wanted.items():
        listed = len(mistakes)
        value = secret(variable, getattr(plugin, key), environment, mistakes)
        if value is not None:
            found[variable] = value
        elif len(mistakes) == listed:
            mistakes.append(f"{variable}: is missing; set it in the environment, or name a file that holds it in {section}.{key}")
    return found
