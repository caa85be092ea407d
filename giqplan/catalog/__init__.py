"""Profiles, curves and their interpolation, prices, machines, models; queries."""
