"""The demo clinics of `make run`: Harbor Family Clinic and Clínica Austa, with fictional people.

The charts that Synthea made (records/demo_charts, licence beside them) are imported; everything
else goes through the product's own verbs.
"""
