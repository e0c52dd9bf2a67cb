"""A loopback TWS: the wire format of server version 178, a true ledger in its own file, and faults to order.

`wire` reads and writes frames, `ledger` is the file, `world` the account and its market, `faults` what goes wrong, `messages` the
world in the words of the wire, `server` the sessions, `control` the hand from outside. `python -m tests.kit.ibkr` runs it as
its own process. It never de-duplicates: two orders with one reference are two orders.
"""
