"""The statistics of timings: pure functions of samples, which measure and drop nothing."""
