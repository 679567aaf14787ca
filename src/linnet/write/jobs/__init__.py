"""Work that is done in the background, after the answer: one decorated function each, in any module of this package."""
