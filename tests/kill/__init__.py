"""Killing the desk with SIGKILL: every other party of the road lives in a process of its own and stays alive.

`stage` starts the parties (loopback Discord, paper ledger, the desk as `python -m bot run`), `judge` is the owner who reads the
channels, approves cards and closes positions, `case` plays one road with its kills, `verdict` reads what all parties kept and
names everything that must not be. To add a kill, add a line to `points.CASES`.
"""
