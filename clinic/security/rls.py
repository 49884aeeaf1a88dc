"""Migration operations that state a table's protection beside the table.

Frozen: migrations import this module, so what an operation does to a table never changes; a new
rule is a new operation. Each is reversible. See docs/decisions for the shape of the policies.
"""

from django.db.migrations.operations.special import RunSQL

# Conditions that policies are made of; the doors for reading ask them in the same words. `category`
# is a value of SQL: a quoted name, or a parameter.
IN_FACILITY = "facility_id = ANY ((SELECT app_facilities())::uuid[])"
BARRED = "{column} = ANY ((SELECT app_barred())::uuid[])"
GRANTED = "{column} = ANY ((SELECT app_patients({category}))::uuid[])"
WIDE = "(SELECT {reach}()) AND NOT " + BARRED  # whom a role reaches, all who did not bar her
EVERYBODY = "(SELECT app_everybody()) AND facility_id = (SELECT app_facility())"
UNATTENDED = "(SELECT app_unattended())"
BY_VERB = "(SELECT app_by_verb())"
IN_THE_CLINIC = "NOT (SELECT app_portal())"


def _cover_rule(column: str, category: str) -> str:
    """Who reaches everybody is asked first: it is the cheaper question, for each row of many."""
    wide = WIDE.format(reach="app_wide", column=column)
    return f"({EVERYBODY} OR {IN_FACILITY} AND ({wide} OR {_granted(column, category)}))"


def _granted(column: str, category: str) -> str:
    return GRANTED.format(column=column, category=f"'{category}'")


def _clinical_rule(column: str, category: str, summary: str, author: str) -> str:
    """`restricted` rows are opened by grants only, `confidential` ones by one of their kind too;
    their author, in the clinic, and tasks of the system, which act without a person, see both."""
    anyhow = UNATTENDED
    if author:
        anyhow += f" OR {author} = (SELECT app_user()) AND NOT (SELECT app_portal())"
    wide = WIDE.format(reach="app_clinical_wide", column=column)
    ways = [f"{wide} AND (sensitivity <> 'restricted' OR {anyhow})", _granted(column, category)]
    if summary:
        ways.append(f"{summary} AND {_granted(column, 'summary')}")
    confided = f"{column} = ANY (app_patients(confidential_kind)::uuid[])"
    return (
        f"{IN_FACILITY} AND (SELECT app_clinical()) AND ({' OR '.join(ways)})"
        f" AND (confidential_kind = '' OR {anyhow} OR {confided})"
    )


class Protected(RunSQL):
    """FORCE ROW LEVEL SECURITY on a table, with a policy for each command: who sees a row, what may
    be written, and who deletes of the rows that she sees.

    `using` says what is seen, and so what can be locked or changed; `check` how a row has to be
    that is added or changed; `deleted` who deletes: tasks of the system, where nobody is named.
    """

    def __init__(
        self,
        table: str,
        using: str = IN_FACILITY,
        check: str | None = None,
        deleted: str = UNATTENDED,
    ):
        self.table, self.using, self.check, self.deleted = table, using, check, deleted
        reached, written = f"USING ({using})", f"WITH CHECK ({check or using})"
        super().__init__(
            sql=[
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
                f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
                f"CREATE POLICY seen ON {table} FOR SELECT {reached}",
                f"CREATE POLICY added ON {table} FOR INSERT {written}",
                f"CREATE POLICY changed ON {table} FOR UPDATE {reached} {written}",
                f"CREATE POLICY deleted ON {table} FOR DELETE USING (({using}) AND ({deleted}))",
            ],
            reverse_sql=[
                f"DROP POLICY deleted ON {table}",
                f"DROP POLICY changed ON {table}",
                f"DROP POLICY added ON {table}",
                f"DROP POLICY seen ON {table}",
                f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
                f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            ],
        )

    def deconstruct(self):
        arguments = [self.table, self.using, self.check, self.deleted]
        return (self.__class__.__qualname__, arguments, {})

    def describe(self):
        return f"Row level security on {self.table}"


class PatientRows(Protected):
    """Rows that belong to a patient: visible in the facility, within the actor's reach.

    `category` is the grant that a person of granted reach needs; clinical rows are hidden from
    roles without clinical content. `column` names the patient (`id` on the patient table itself),
    `summary` is the condition under which a row belongs to the summary for an emergency, `author`
    the column of who wrote it (see `Authored`). `portal`: patients and relatives write them, too.
    Nobody but the system deletes them, unless `deleted` says who.
    """

    def __init__(
        self,
        table: str,
        category: str,
        clinical: bool = True,
        column: str = "patient_id",
        summary: str = "",
        author: str = "",
        portal: bool = False,
        deleted: str = UNATTENDED,
    ):
        self.arguments = [table, category, clinical, column, summary, author, portal, deleted]
        if clinical:
            rule = _clinical_rule(column, category, summary, author)
        else:
            rule = _cover_rule(column, category)
        super().__init__(table, rule, rule if portal else f"{rule} AND {IN_THE_CLINIC}", deleted)

    def deconstruct(self):
        return (self.__class__.__qualname__, self.arguments, {})


class Authored(RunSQL):
    """Who wrote a row is written with it: nobody becomes its author later. An account that is
    deleted leaves a row without one."""

    def __init__(self, table: str, column: str):
        self.arguments = [table, column]
        super().__init__(
            sql=f"CREATE TRIGGER keeps_its_author BEFORE UPDATE OF {column} ON {table}"
            f" FOR EACH ROW WHEN (NEW.{column} IS NOT NULL AND"
            f" NEW.{column} IS DISTINCT FROM OLD.{column}) EXECUTE FUNCTION refuse_author()",
            reverse_sql=f"DROP TRIGGER keeps_its_author ON {table}",
        )

    def deconstruct(self):
        return (self.__class__.__qualname__, self.arguments, {})


class WrittenOnce(RunSQL):
    """What a row says in these columns is never changed, by whomever: a new row is written."""

    def __init__(self, table: str, columns: str):
        self.arguments = [table, columns]
        was, becomes = (
            ", ".join(f"{row}.{name}" for name in columns.split(",")) for row in ("OLD", "NEW")
        )
        super().__init__(
            sql=f"CREATE TRIGGER written_once BEFORE UPDATE ON {table} FOR EACH ROW"
            f" WHEN (({was}) IS DISTINCT FROM ({becomes})) EXECUTE FUNCTION refuse_other_value()",
            reverse_sql=f"DROP TRIGGER written_once ON {table}",
        )

    def deconstruct(self):
        return (self.__class__.__qualname__, self.arguments, {})


class SameFacility(RunSQL):
    """A composite foreign key: a row can only point at a row of its own facility.

    The same error answers a row of another facility and one that does not exist, so neither can be
    probed. Django's own constraint is left out (`db_constraint=False`).
    """

    def __init__(self, table: str, column: str, target: str, on_delete: str = "NO ACTION"):
        self.arguments = [table, column, target, on_delete]
        name = f"{table}_{column}_same_facility"
        super().__init__(
            sql=f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (facility_id, {column})"
            f" REFERENCES {target} (facility_id, id) ON DELETE {on_delete}"
            " DEFERRABLE INITIALLY IMMEDIATE",
            reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )

    def deconstruct(self):
        return (self.__class__.__qualname__, self.arguments, {})


class KeptAs(RunSQL):
    """A composite foreign key: what is made of a row is kept as that row is, always.

    `target` has a unique key over facility, id, sensitivity and kind; when it is marked anew all
    that was made of it follows, in the same statement.
    """

    def __init__(self, table: str, column: str, target: str):
        self.arguments = [table, column, target]
        name = f"{table}_{column}_kept_as"
        super().__init__(
            sql=f"ALTER TABLE {table} ADD CONSTRAINT {name}"
            f" FOREIGN KEY (facility_id, {column}, sensitivity, confidential_kind)"
            f" REFERENCES {target} (facility_id, id, sensitivity, confidential_kind)"
            " ON UPDATE CASCADE DEFERRABLE INITIALLY IMMEDIATE",
            reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )

    def deconstruct(self):
        return (self.__class__.__qualname__, self.arguments, {})


class Audited(RunSQL):
    """A row trigger that notes every insert, update and delete on the trail.

    `resource` is the model's label, `patient` the column that names the patient (`''` for none),
    `masked` the columns whose values are never copied; sealed values are masked whatever is listed.
    """

    def __init__(self, table: str, resource: str, patient: str = "", masked: str = ""):
        self.arguments = [table, resource, patient, masked]
        arguments = ", ".join(f"'{a}'" for a in (resource, patient, masked))
        super().__init__(
            sql=f"CREATE TRIGGER on_the_trail AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION trail_row({arguments})",
            reverse_sql=f"DROP TRIGGER on_the_trail ON {table}",
        )

    def deconstruct(self):
        return (self.__class__.__qualname__, self.arguments, {})


class AppendOnly(RunSQL):
    """Rows may be added, never changed, deleted or truncated, not even by the table's owner."""

    def __init__(self, table: str):
        self.table = table
        super().__init__(
            sql=[
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_change()",
                f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER never_truncated",
                revoke(table, "UPDATE, DELETE, TRUNCATE"),
            ],
            reverse_sql=[
                f"DROP TRIGGER append_only ON {table}",
                f"DROP TRIGGER never_truncated ON {table}",
            ],
        )

    def deconstruct(self):
        return (self.__class__.__qualname__, [self.table], {})


def revoke(table: str, rights: str) -> str:
    """SQL that takes rights on a table from everyone but its owner."""
    return f"""DO $$ DECLARE grantee text; BEGIN
        FOR grantee IN SELECT DISTINCT g.grantee FROM information_schema.role_table_grants g
            WHERE g.table_schema = 'public' AND g.table_name = '{table}'
            AND g.grantee <> current_user LOOP
            EXECUTE format('REVOKE {rights} ON {table} FROM %I', grantee);
        END LOOP; END $$"""
