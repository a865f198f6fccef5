"""The city's stack: what `beffroi apply` runs, for whoever prefers a plain `pulumi up`."""

from beffroi.program import run

run()
