"""Placeholder docstring, replaced in the commit that fills this package."""
