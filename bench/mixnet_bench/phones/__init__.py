"""Measuring on phones: one, or every phone at once."""
