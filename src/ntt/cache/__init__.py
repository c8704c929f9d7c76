"""What the jobs of a sweep share: proposals of images they have in common."""
