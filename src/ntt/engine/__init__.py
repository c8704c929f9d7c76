"""Run the stages with Hydra and Lightning. Only the commands import this package."""
