"""Loops over pixels as machine code for the processor at hand, by LLVM.

Why not NumPy: the networks of MTCNN have 3 to 64 channels, for which general
libraries spend more time on moving data than on arithmetic. Why not numba: it has no
vectors, and needs seconds to compile what takes a tenth of one here.
"""
