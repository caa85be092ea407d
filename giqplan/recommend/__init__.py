"""Operating point, sizing, cost, selection, explanation."""
