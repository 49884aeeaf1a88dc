"""`make mutants`: do the tests notice when a rule of access is changed?

mutmut changes the modules that say who may what, one place at a time, and runs the tests that reach
the place; a change that no test notices is told. It sees plain functions only, and our verbs are
decorated, so it works on copies in which decorators are written as assignments (`plain`). What no
test can notice is explained, one line each, in explained.txt.
"""
