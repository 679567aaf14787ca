"""Taking an account apart, after its owner left: rows first, then the last traces. Run by ``write/jobs/erasure.py``."""
