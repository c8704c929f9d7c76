"""Output of a run: files, tables, loggers and visualizations."""
