"""The process: wires adapters together, keeps time, speaks Discord.

Imports brokers and core; imported by cogs (never `bot.app`). To add a command line verb, add it to `__main__` and an `app_*.py`.
"""
