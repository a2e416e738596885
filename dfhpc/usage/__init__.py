"""CPU and memory: sampled while work goes on, summed up as LSF does."""
