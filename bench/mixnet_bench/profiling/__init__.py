"""Operators by category, and their times as tables."""
