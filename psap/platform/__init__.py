"""What every feature stands on: settings, clock, database, hot store, events, control, log."""
