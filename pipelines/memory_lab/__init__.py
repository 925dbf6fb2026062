"""Page that compares RNN, GRU and LSTM on tasks that need a memory."""
