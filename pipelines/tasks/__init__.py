"""Tasks: a LightningModule for each kind of answer, its checkpoints, and the classes they may name."""
