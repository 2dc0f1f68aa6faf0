"""The project's goals beside what was reached, every figure read from the file that a command wrote."""
