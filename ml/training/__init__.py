"""Training: data in, a model version's folder out."""
