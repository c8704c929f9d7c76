"""Run directories, sweeps, journals and fingerprints."""
