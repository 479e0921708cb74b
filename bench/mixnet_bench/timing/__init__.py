"""Timing on this machine: processes in turns, conditions, verdicts, comparisons."""
