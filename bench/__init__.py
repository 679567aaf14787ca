"""What linnet costs, beside a reference in the same run on the same machine. See ``python -m bench --help``."""
