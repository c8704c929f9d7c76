"""The embedded world: emoji sprites, scenes made of them, and the training of the nano models."""
