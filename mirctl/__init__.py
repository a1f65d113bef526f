"""mirctl: adapt, fuse, align and evaluate large frozen encoders from the command line."""

__version__ = "0.1.0"
