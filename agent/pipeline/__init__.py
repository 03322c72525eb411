"""The way of one article, from its source to a draft with a verdict. ``expand`` reads like its description."""
