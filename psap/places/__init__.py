"""Places: the city's gazetteer, searched as people speak."""
