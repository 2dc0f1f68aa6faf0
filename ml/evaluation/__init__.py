"""Evaluation: calibration on one fold, honest figures on another."""
