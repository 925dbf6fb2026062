"""Export: a trained model as a folder that answers without PyTorch, by ONNX Runtime."""
