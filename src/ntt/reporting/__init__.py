"""What a run leaves behind: files, tables and pictures."""
