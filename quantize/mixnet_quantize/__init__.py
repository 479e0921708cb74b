"""Post-training quantization: calibration images, and int8 files from float32 ones.

It takes files and images; it knows nothing of how a file was written or will be measured.
"""
