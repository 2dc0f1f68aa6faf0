"""The audit that every candidate passes before it can be promoted: does it look at the lungs?

Each check (A1 to A12) asks one question and answers it with a figure, a threshold, a verdict and a
sentence that a clinician understands. `ml.audit.version.audit_version` runs them all.
"""
