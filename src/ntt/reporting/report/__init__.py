"""Report that compares runs, as a self-contained HTML page and as Markdown."""

from ntt.reporting.report.page import write_report

__all__ = ["write_report"]
