"""The kernel as judge: real packets through a real nftables, against what the model says of each."""
