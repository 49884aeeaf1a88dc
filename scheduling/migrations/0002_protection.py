"""Policies, same-facility keys and the trail for availability and visits."""

from django.db import migrations

from clinic.security.rls import Audited, PatientRows, Protected, SameFacility


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial"), ("patients", "0002_protection")]

    operations = [
        Protected("scheduling_appointmenttype"),
        Audited("scheduling_appointmenttype", "scheduling.appointmenttype"),
        Protected("scheduling_availabilityblock"),
        SameFacility("scheduling_availabilityblock", "specialist_id", "clinic_specialist"),
        Audited("scheduling_availabilityblock", "scheduling.availabilityblock"),
        PatientRows("scheduling_appointment", "appointments", clinical=False),
        SameFacility("scheduling_appointment", "patient_id", "patients_patient"),
        SameFacility("scheduling_appointment", "specialist_id", "clinic_specialist"),
        SameFacility("scheduling_appointment", "appointment_type_id", "scheduling_appointmenttype"),
        Audited("scheduling_appointment", "scheduling.appointment", "patient_id"),
    ]
