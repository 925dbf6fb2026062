"""Heads, from states to answers: pooling over a sequence, and the softmax over tokens."""
