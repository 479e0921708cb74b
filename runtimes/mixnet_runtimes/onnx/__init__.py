"""``.onnx`` files: read, checked, given other sizes, and run by onnxruntime."""
