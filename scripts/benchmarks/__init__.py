"""Benchmarks that compare the time, memory and results of several configurations."""
