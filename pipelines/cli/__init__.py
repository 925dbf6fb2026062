"""The training commands: options to a run, and what each kind of model adds to it."""
