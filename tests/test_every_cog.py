"""Every file of cogs/ meets the same cases; a new one is found by itself."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from discord import app_commands
from discord.ext import commands

import cogs

MODULES = sorted(entry.name for entry in pkgutil.iter_modules(cogs.__path__))
PROMISED = {
    "signals list", "signals show", "signals explain", "portfolio summary", "portfolio positions", "portfolio risk",
    "trades pending", "trades open", "trades history", "trades close", "status show", "halt", "resume", "flatten",
}  # fmt: skip


def load(name: str) -> ModuleType:
    return importlib.import_module(f"cogs.{name}")


def group(name: str) -> type[commands.Cog]:
    found = [
        thing
        for thing in vars(load(name)).values()
        if isinstance(thing, type) and issubclass(thing, commands.Cog) and thing.__module__ == f"cogs.{name}"
    ]
    assert len(found) == 1, f"cogs/{name}.py must hold exactly one cog, it holds {len(found)}"
    return found[0]


def slash(name: str) -> list[app_commands.Command[Any, Any, Any]]:
    return [thing for thing in vars(group(name)).values() if isinstance(thing, app_commands.Command)]


def full_name(name: str, command: app_commands.Command[Any, Any, Any]) -> str:
    cog = group(name)
    return f"{cog.__cog_group_name__} {command.name}" if issubclass(cog, commands.GroupCog) else command.name


def test_the_promised_commands_are_there() -> None:
    assert {full_name(name, command) for name in MODULES for command in slash(name)} >= PROMISED


@pytest.mark.parametrize("name", MODULES)
def test_it_is_loaded_by_name(name: str) -> None:
    assert callable(load(name).setup)
    assert (load(name).__doc__ or "").strip()


@pytest.mark.parametrize("name", MODULES)
def test_it_works_on_a_server_alone(name: str) -> None:
    cog = group(name)
    whole = getattr(cog, "__discord_app_commands_guild_only__", False)
    assert whole or all(command.guild_only for command in slash(name))


@pytest.mark.parametrize("name", MODULES)
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    for command in slash(name):
        assert 3 < len(command.description) <= 100, command.name
        assert (command.callback.__doc__ or "").strip(), command.name
        for option in command.parameters:
            assert option.description not in {"", "…"}, f"{command.name} {option.name}"
            assert len(str(option.description)) <= 100


@pytest.mark.parametrize("name", MODULES)
def test_every_command_is_short_and_answers_through_one_door(name: str) -> None:
    tree = ast.parse(Path(load(name).__file__ or "").read_text(encoding="utf-8"))
    called = {command.callback.__name__ for command in slash(name)}
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name in called]
    assert len(bodies) >= len(called)
    for body in bodies:
        assert (body.end_lineno or 0) - body.lineno + 1 <= 15, body.name
        names = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        assert "answer" in names, body.name
