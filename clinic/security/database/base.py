"""PostgreSQL as Django knows it, plus one habit: each outermost BEGIN carries the actor."""

from itertools import count

from django.db.backends.postgresql import base

from clinic.security import tenancy


class DatabaseWrapper(base.DatabaseWrapper):
    """Writes the current actor into the transaction as its first statement.

    `transaction_serial` numbers the outermost transactions of this process, so that what was
    learned inside one (a key not yet committed) can be told from what outlives it.
    """

    serials = count(1)
    transaction_serial = 0

    is_connecting = False

    def connect(self):
        self.is_connecting = True  # Django asks the server's version on the way
        try:
            super().connect()
        finally:
            self.is_connecting = False

    def _cursor(self, name=None):
        outside = not self.in_atomic_block and not self.is_connecting
        if outside and tenancy.current().facility_id is not None:
            raise tenancy.OutsideTransaction(
                "A query in a facility needs a transaction: without one it would see nothing."
            )
        return super()._cursor(name)

    def _set_autocommit(self, autocommit):
        super()._set_autocommit(autocommit)
        if not autocommit:
            self.transaction_serial = next(self.serials)
            tenancy.apply(self)
