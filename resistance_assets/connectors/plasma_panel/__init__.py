"""Tables of plasma panels: values of markers as laboratories and instruments write them, limits, samples, patients."""
