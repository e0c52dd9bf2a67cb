"""Slash commands, one file per group: ask the engine, show the answer.

Loaded by name by `bot.client`; may import `bot` (never `bot.app*`) and `core`. To add a group, add a file with one GroupCog
and a `setup`; a command asks `require` when it is not for everybody, and shows what it made through `answer`.
"""
