"""What is measured in a working copy alone: faults behind the proxy (``chaos``) and a minute on a real graph.

Everything else is ``linnet bench``, in the package.
"""
