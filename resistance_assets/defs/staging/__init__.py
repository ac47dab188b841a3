"""Sources, catalogs and studies in a lake that is in an object store, so that its hosts need no mirror in common."""
