"""A test double of LSF 10: bsub, bjobs, bkill and blaunch over a SLURM.

LSF is not freely installable. The double takes scripts and options as LSF 10 does, and
nothing that LSF 10 would not take; it answers in LSF's words where those are known from
reports and manuals. Jobs run on the SLURM of the tests.

What it does not do, or does otherwise: arrays, interactive jobs (-I, -K);
`||` beside `&&` in -w; GPUs are accepted and not given. A reservation of memory
without a limit is enforced as a limit, as sites do that enforce resources by cgroups.
"""
