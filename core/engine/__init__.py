"""The verbs: scan, vet, approve, send, follow, manage, reconcile, halt, tell. Async, and talks only to ports.

Each verb is a module with functions that take the `Engine` (what every verb needs) first. May import strategies, options,
risk, portfolio, charts' values and everything below; imported by research, posts, bot and cogs.
"""
