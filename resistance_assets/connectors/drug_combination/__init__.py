"""Drug combinations: matrices of two drugs, a row a well, as laboratories and SynergyFinder have them."""
