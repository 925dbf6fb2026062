"""Answers from an exported folder, by ONNX Runtime, PyAV, NumPy and tokenizers, without PyTorch."""
