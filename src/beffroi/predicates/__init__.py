"""A town's own predicates: rules in Python that its repository brings, for policies that no rule of ours can say.

::

    written.py    where they are written, and their text; nothing is run
    asking.py     runs those that are trusted, each in a process of its own, bounded, and reads what it answers
    child.py      that process: standard library only, without the engine

Nothing of a town runs unless a person asks for it (`beffroi gate --trust`). Why it is so: `docs/adr/0009`.
"""
