"""How long each way of segmenting takes, and what it finds, side by side."""
