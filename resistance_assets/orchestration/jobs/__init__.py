"""Groups of steps as jobs of a cluster: which steps go together, what they are given, and the queue of Slurm."""
