"""Where data meet models: training, evaluation, reports, predictions, and every command."""
