"""int8 and float16 ``.tflite`` files."""
