"""The comparison of runs as a page that needs no network, and as Markdown."""

from ntt.reporting.report.page import write_report

__all__ = ["write_report"]
