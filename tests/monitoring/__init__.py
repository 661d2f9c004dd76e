"""What watches a city: metrics, alerts and dashboard in the real tools."""
