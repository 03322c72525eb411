"""A reader of displayed formulas: LaTeX to a tree, and the tree to numbers once its symbols are bound.

It never judges a formula by itself: formulas leave too much unsaid. It links a witness to the formula that is
shown, tells the kind of a step, and computes closed scalars.
"""
