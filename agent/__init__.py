"""expand: turn short technical articles into long, verified derivations, and keep honest books about it."""

__version__ = "0.1.0"
