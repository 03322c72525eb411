"""Reports that are rendered from the event log and from measurement."""
