"""Fits of the calibrations in `data/calibration/` from the measurements in `data/measurements/`; each prints its
errors.
"""
