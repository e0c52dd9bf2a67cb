"""Rows of the fault list that belong to no single room: what happens to the process, its files and its clock.

Each test carries the number of its row; `tests/FAULTS.md` says which test shows which row.
"""
