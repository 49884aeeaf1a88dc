"""FHIR R4 in and out of the chart.

`reading.read` turns a bundle's bytes into the plain facts of `facts` and a report that names all
that was not kept; `writing.write` does the reverse. Neither touches the database.
"""
