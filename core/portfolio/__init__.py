"""What we own and what it earned: the ledger of positions, their marks, the book of one account, and its performance.

Pure functions over `core.model`; nothing here reads a clock, a quote feed or a database by itself. Imported by the engine,
research, posts and the composition roots. To add a figure, add a function to `performance` that takes the nouns it needs.
"""
