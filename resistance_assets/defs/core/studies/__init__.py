"""Studies: what analyses of several kinds read of one study."""
