"""What answers from an exported folder: it needs ONNX Runtime, PyAV, NumPy and tokenizers, and no PyTorch."""
