"""Two programs that run on the town's machines: each file stands alone there, with the standard library only.

Their texts are part of the desired state, so that what runs on a machine is compared with them by digest.
"""
