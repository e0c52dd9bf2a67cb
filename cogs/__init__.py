"""Slash commands, one file per group: ask the engine, show the answer. Loaded by name; to add one, add a file with one GroupCog."""
