"""Every interleaving of one approval, from the first reaction to the last late answer, over the real decisions.

`shelf` runs the journal's own transactions on images of a real database and remembers each outcome; `state` is the world that they
leave; `steps` says what can happen next; `explore` walks all of it breadth first; `designs` holds the design as it is and six
shortcuts, each of which must be caught with the path that leads to the harm. One more thing that can happen is one more generator
in `steps`; one more shortcut is one more `Design`.
"""
