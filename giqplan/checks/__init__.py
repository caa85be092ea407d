"""Prerequisites: one module a family, each check with its code; pure functions of the world as read."""
