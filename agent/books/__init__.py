"""The books: what stands where, what documents claim, and whether the two agree.

Everything here is derived from the files, the event log and git; nothing takes a document's word for it.
"""
