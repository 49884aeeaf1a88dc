"""A random history of a clinic's days under fire: many clients book, move and cancel while web,
worker and database are killed; a checker that shares nothing with them says what became of it.

`python -m e2e.history --operations 10000 --clients 16 --kills 20` in the project's folder, beside a
product of its own in `--home` (`make history`).
"""
