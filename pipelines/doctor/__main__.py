"""Entry point of ``python -m pipelines.doctor``."""

from pipelines.doctor.command import main

main()
