"""States to answers: pooling over a sequence, and the softmax over tokens."""
