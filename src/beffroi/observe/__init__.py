"""Looking at live hosts: captures, the recording testinfra backend, and one observation a kind and host.

Looking never judges and never writes: whoever keeps the observations can judge them again.
"""
