"""What is trained: one LightningModule a kind of answer, its checkpoints, and their allowed classes."""
