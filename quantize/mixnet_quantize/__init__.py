"""Post-training quantization: calibration images, and int8 files from float32 ones.

It takes files and images, and is independent of how a file was written or will be measured.
"""
