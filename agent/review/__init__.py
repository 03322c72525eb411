"""What a person decides about a draft."""
