"""Observe, diff, plan, apply, destroy."""
