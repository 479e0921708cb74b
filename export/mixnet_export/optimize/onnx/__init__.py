"""``optimize`` for ``.onnx`` files: what ``regions`` recognizes, spliced into a graph of nodes."""
