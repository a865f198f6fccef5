"""The network: routes, the nftables rulesets that the declared flows give, and what can be said of them. Pure."""
