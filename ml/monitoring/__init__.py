"""Is what comes in still what it was? Statistics of shifts and rates, with NumPy and SciPy only."""
