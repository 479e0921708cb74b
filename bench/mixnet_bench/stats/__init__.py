"""The statistics of timings: pure functions of samples. They drop no sample."""
