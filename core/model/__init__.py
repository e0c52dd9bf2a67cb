"""The nouns: frozen values that travel the road, one file per stage.

Everybody may import from here; nothing here imports from anywhere but the standard library (numpy in `market`).
To add a noun, add a frozen dataclass to the file of the stage that makes it. A noun carries the id of the noun before it.
"""
