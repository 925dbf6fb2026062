"""What is exported of a model, and its graphs: traced, written as ONNX, looked over."""
