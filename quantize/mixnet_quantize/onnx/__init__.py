"""int8 ``.onnx`` files in QDQ form, and 8-bit weights."""
