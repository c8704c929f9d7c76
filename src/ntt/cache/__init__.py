"""Cache of image embeddings and proposals, shared by the jobs of a sweep."""
