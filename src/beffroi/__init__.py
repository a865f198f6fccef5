"""Beffroi: declare a town's IT once, provision it, harden it, verify it, and keep the proof."""

import os

__version__ = "0.1.0"

# gRPC reads this once, when it is first imported: its fork handlers break the processes that we start beside Pulumi's
# engine (Ansible forks), and none of them uses gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
