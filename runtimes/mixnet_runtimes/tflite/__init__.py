"""``.tflite`` files: read, checked, given other sizes, and run by LiteRT."""
