"""``optimize`` for ``.onnx`` files: rewrites what ``regions`` recognizes in a graph of nodes."""
