"""Time per operator of a ``.tflite`` file, by LiteRT's own profiler."""
