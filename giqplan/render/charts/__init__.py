"""Charts as values, drawn for a terminal, as SVG, as PNG and as one HTML file: the same chart gives the same bytes."""
