"""Recurrences, from features to states: cells, fused kernels, and the layout of sequences."""

from models.recurrence.recurrences import GRU, LSTM, RNN, Recurrence, Unrolled

__all__ = ["GRU", "LSTM", "RNN", "Recurrence", "Unrolled"]
