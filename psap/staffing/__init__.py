"""Who is planned for which shift, and who came."""
