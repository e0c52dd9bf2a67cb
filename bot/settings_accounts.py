"""More accounts beside the main one: each is the main settings with sections of its own on top.

`accounts:` maps a name to sections. A section that is given there is laid over the main one (`broker` replaces it), so an account
has its own budget, rules and broker and shares Discord, feed and everything that it does not name. It keeps its own journal.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from bot import settings_walk as walk

if TYPE_CHECKING:
    from bot.settings import Settings

SECTIONS = ("engine", "options", "broker", "journal", "strategies", "rules")
DATABASE = "QUANTMATRIX_DATABASE_URL"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")

Tree = dict[str, Any]


def taken(tree: Tree, mistakes: list[str]) -> Mapping[str, Tree]:
    """Take the section `accounts` out of the tree: the whole settings of each of them by name."""
    given = tree.pop("accounts", None)
    if given is None:
        return {}
    if not isinstance(given, dict):
        mistakes.append(f"accounts: {given!r} is not a section; write a name, and below it the sections of that account")
        return {}
    found = {}
    for name, sections in given.items():
        where = f"accounts.{name}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            mistakes.append(f"{where}: use a short name of small letters, digits and hyphens, such as ira")
        elif not isinstance(sections, dict) or not isinstance(sections.get("broker"), dict):
            mistakes.append(f"{where}.broker: is missing; say which broker keeps this account")
        else:
            mistakes.extend(walk.unknown(sections, SECTIONS, where))
            found[name] = _laid_over(tree, name, sections)
    return found


def _laid_over(tree: Tree, name: str, sections: Tree) -> Tree:
    """The main tree with an account's sections on top."""
    path = (tree.get("journal") or {}).get("path", "var/quantmatrix.db")
    base = {**tree, "journal": {"path": str(PurePath(str(path)).with_name(f"{name}.db"))}}
    for section in SECTIONS:
        if section in sections:
            over, under = sections[section], base.get(section)
            if isinstance(over, dict) and isinstance(under, dict) and section != "broker":
                base[section] = {**under, **over}
            else:
                base[section] = over
    engine = base.get("engine")
    base["engine"] = {**(engine if isinstance(engine, dict) else {}), "account": name}
    return base


def environment_of(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Give an account its environment: the database of the main account is not its own."""
    return {key: value for key, value in environment.items() if key != DATABASE}


def apart(every: Sequence["Settings"]) -> list[str]:
    """Say which accounts share what each must have for itself."""
    mistakes: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for one in every:
        name = one.engine.account
        number = str(getattr(one.broker, "account", ""))
        owned = {("journal", one.database_url)} | ({(one.broker.name, number)} if number else set())
        for kind, thing in sorted(owned):
            other = seen.setdefault((kind, thing), name)
            if other != name:
                what = "the same journal" if kind == "journal" else f"account {thing} at {kind}"
                mistakes.append(f"accounts.{name}: {what} belongs to {other!r} already; each account needs its own")
    names = [one.engine.account for one in every]
    mistakes += [f"accounts.{name}: is the name of the main account; choose another" for name in names[1:] if name == names[0]]
    return mistakes
