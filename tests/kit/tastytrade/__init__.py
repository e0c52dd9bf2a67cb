"""A loopback tastytrade: REST, account streamer and DXLink on 127.0.0.1, over a true ledger in its own fsynced file.

It never de-duplicates orders, as the real one does not. `books` is the ledger, `market` what fills, `shapes` the payloads of the
wire, `rest` and `streams` speak, `faults` spoils answers by a seeded plan, `control` is the hand inside. Used in tests as a
`server.Loopback` in this process, or in its own with ``python -m tests.kit.tastytrade --ledger FILE``. Another endpoint is one more
route in `rest`.
"""
