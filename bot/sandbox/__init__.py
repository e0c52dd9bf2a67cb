"""A loopback Discord: REST v10, gateway v10 and a web page, so that bot, demo and tests need no token.

It speaks the wire protocol, and the unmodified discord.py (or hikari) is its client. Nothing here is imported by the
engine; `bot.app` and tests come in through `server.Sandbox`, other processes through `python -m bot.sandbox` and `actors.connect`.

One road: `web` (who may ask, faults, limits, log) hands a request to a route in `rest_*`; the route checks it (`limits`,
`permissions`, `interactions`) and asks the `world`, which writes one event to its `store`, applies it to its `state` and
tells its listeners: the `gateway` and the `page`. `control` lets tests and the page act as people and cause faults.
To add a route: one handler in the `rest_*` file of its object, listed in that file's `ROUTES`.
"""
