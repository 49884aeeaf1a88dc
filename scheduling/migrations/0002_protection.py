"""Policies, same-facility keys and the trail for availability and visits."""

from django.db import migrations

from clinic.security.rls import (
    IN_FACILITY,
    IN_THE_CLINIC,
    Audited,
    PatientRows,
    Protected,
    SameFacility,
)

STAFF_WRITES = f"{IN_FACILITY} AND {IN_THE_CLINIC}"


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial"), ("patients", "0002_protection")]

    operations = [
        Protected("scheduling_appointmenttype", check=STAFF_WRITES),
        Audited("scheduling_appointmenttype", "scheduling.appointmenttype"),
        Protected("scheduling_availabilityblock", check=STAFF_WRITES, deleted=IN_THE_CLINIC),
        SameFacility("scheduling_availabilityblock", "specialist_id", "clinic_specialist"),
        Audited("scheduling_availabilityblock", "scheduling.availabilityblock"),
        PatientRows("scheduling_appointment", "appointments", clinical=False, portal=True),
        SameFacility("scheduling_appointment", "patient_id", "patients_patient"),
        SameFacility("scheduling_appointment", "specialist_id", "clinic_specialist"),
        SameFacility("scheduling_appointment", "appointment_type_id", "scheduling_appointmenttype"),
        Audited("scheduling_appointment", "scheduling.appointment", "patient_id"),
    ]
