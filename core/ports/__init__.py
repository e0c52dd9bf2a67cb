"""The doors: Protocols through which `core` reaches the world, one file each. They name `core.model` and nothing else.

Composition roots (`bot.app`, `bot.replay`) plug adapters in; tests put fakes here and nowhere deeper.
"""
