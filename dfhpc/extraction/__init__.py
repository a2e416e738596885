"""From a video to its faces: the same code for training and for prediction."""
