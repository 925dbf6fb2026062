"""``python -m pipelines.serve``."""

from pipelines.serve.command import main

main()
