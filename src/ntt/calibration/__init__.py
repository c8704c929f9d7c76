"""Score threshold and hard negatives, chosen from the references; both get the model handed in."""
