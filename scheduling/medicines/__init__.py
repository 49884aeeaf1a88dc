"""Reminders of medicines: set (`reminders`), due (`doses` by `clocks`, on `journeys`), written into
the `diary` when their time comes (`due`), answered (`taking`), and told of (`today`, `adherence`).
"""
