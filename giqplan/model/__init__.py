"""The frozen values that travel between the rooms. No logic beyond what a value knows of itself."""
