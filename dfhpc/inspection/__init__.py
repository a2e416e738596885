"""Looking at a run: which frames, drawn how, on which sheets."""
