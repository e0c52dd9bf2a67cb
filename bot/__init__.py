"""The process: wires adapters together, keeps time, speaks Discord. Imports brokers and core; imported by cogs (never `bot.app`)."""
