"""Datasets: manifests of labelled images, and the prepared crops that training reads."""
