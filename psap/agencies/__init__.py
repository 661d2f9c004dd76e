"""Agencies: the bodies that act on an incident, and the city profile that names them."""
