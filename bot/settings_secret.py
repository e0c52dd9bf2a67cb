"""Where a secret may come from: its environment variable, or the file that a `*_file` key names."""

import dataclasses
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.model.secrets import Secret

__all__ = ["Secret", "files_of", "of_plugin", "readable_by_others", "secret"]


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


def files_of(sections: Mapping[str, Any]) -> Mapping[str, Path]:
    """Every file that holds a secret, by its key: the fields of the sections whose names end in ``_file``."""
    return {
        f"{section}.{field.name}": path
        for section, settings in sections.items()
        if dataclasses.is_dataclass(settings)
        for field in dataclasses.fields(settings)
        if field.name.endswith("_file") and isinstance(path := getattr(settings, field.name), Path)
    }


def readable_by_others(sections: Mapping[str, Any]) -> list[str]:
    """Say which files of secrets other users of this machine may read or write."""
    found = []
    for key, path in files_of(sections).items():
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & 0o077:
            found.append(f"{key}: {str(path)!r} has mode {mode:04o}, so others can use the secret in it; run: chmod 600 {path}")
    return found
