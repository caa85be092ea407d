"""Plans and recommendations as text and JSON."""
