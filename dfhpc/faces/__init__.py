"""Faces: detectors, the choice of a face, its crop."""
