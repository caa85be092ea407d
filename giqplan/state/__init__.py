"""State, journal and locks."""
