"""How Dagster's runs execute their steps: here, in processes of this machine, or in jobs of a cluster."""
