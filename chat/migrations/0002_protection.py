"""Policies, same-facility keys and the trail for passages and conversations."""

from django.db import migrations

from clinic.security.rls import (
    IN_FACILITY,
    Audited,
    KeptAs,
    PatientRows,
    Protected,
    SameFacility,
)

# A conversation is its owner's, as long as she reads the patient's documents; tasks of the system
# act without a person.
OWNERS = (
    f"{IN_FACILITY} AND (SELECT app_clinical())"
    " AND ((SELECT app_user()) IS NULL OR created_by_id = (SELECT app_user()))"
    " AND (patient_id IS NULL OR (SELECT app_clinical_wide())"
    "    AND NOT patient_id = ANY ((SELECT app_barred())::uuid[])"
    " OR patient_id = ANY ((SELECT app_patients('documents'))::uuid[]))"
)
# A message is seen with its conversation, whose policy the subquery obeys, and with all the
# documents that it cites, whose policy obeys how each is kept.
IN_CONVERSATION = (
    f"{IN_FACILITY} AND (SELECT app_clinical())"
    " AND EXISTS (SELECT 1 FROM chat_conversation c WHERE c.id = conversation_id)"
    " AND (cited = '{}' OR cited <@ ARRAY("
    "SELECT d.id FROM records_document d WHERE d.id = ANY (cited)))"
)


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial"), ("records", "0002_protection")]

    operations = [
        PatientRows("chat_chunk", "documents"),
        SameFacility("chat_chunk", "patient_id", "patients_patient"),
        KeptAs("chat_chunk", "document_id", "records_document"),
        Audited("chat_chunk", "chat.chunk", "patient_id", "embedding,lexemes,counts,length"),
        PatientRows("chat_indexeddocument", "documents"),
        SameFacility("chat_indexeddocument", "patient_id", "patients_patient"),
        KeptAs("chat_indexeddocument", "document_id", "records_document"),
        Audited("chat_indexeddocument", "chat.indexeddocument", "patient_id"),
        Protected("chat_conversation", OWNERS),
        SameFacility("chat_conversation", "patient_id", "patients_patient"),
        Audited("chat_conversation", "chat.conversation", "patient_id"),
        Protected("chat_message", IN_CONVERSATION),
        SameFacility("chat_message", "patient_id", "patients_patient"),
        SameFacility("chat_message", "conversation_id", "chat_conversation"),
        SameFacility("chat_message", "parent_message_id", "chat_message"),
        Audited("chat_message", "chat.message", "patient_id", "ai_confidence,ai_model"),
    ]
