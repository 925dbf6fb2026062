"""``python -m pipelines.watch``."""

from pipelines.watch.command import main

main()
