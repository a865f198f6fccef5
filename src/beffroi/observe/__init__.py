"""Looking at live hosts: many questions in one exec, captures that are kept, verdicts derived again from them.

Looking never judges and never writes: whoever keeps the observations can judge them again. `docs/observe.md` tells
which module does what.
"""
