"""Killing the desk with SIGKILL: every other party of the road lives in a process of its own and stays alive.

Two ways, one judgement (`kept` reads what the parties kept, `verdict` and `rules` name everything that must not be):

- Many kills: `python -m tests.kill` (`make kill`). A `lane` has only imported, and forks each `life` of the desk: the real engine,
  journal and adapter against a loopback broker (`venues`), struck at a write point or at a random instant, in a `world` whose
  clocks jump and whose answers get lost. `broken` breaks a rule on purpose, which must be noticed.
- Whole programs: `stage` starts the parties (loopback Discord, paper ledger, the desk as `python -m bot run`), `judge` is the owner
  who reads the channels, `case` plays one road with its kills.

One more broker is a `venue_<name>.py`; one more whole road is a line in `points.CASES`.
"""
