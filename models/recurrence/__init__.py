"""Features to states: cells, the same on fused kernels, and how sequences lie in them."""

from models.recurrence.recurrences import GRU, LSTM, RNN, Recurrence, Unrolled

__all__ = ["GRU", "LSTM", "RNN", "Recurrence", "Unrolled"]
