"""Will it work here? Probes on the login node, and on a node through one small job."""
