"""Latency and throughput of a replica that nobody measured: physics, calibrated on measurements, corrected by the nearest ones.

Heavy (numpy): import it inside functions. docs/estimator.md has the equations.
"""
