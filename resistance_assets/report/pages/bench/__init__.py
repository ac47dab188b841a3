"""Pages of bench studies, a module per kind; `index` lists them all."""
