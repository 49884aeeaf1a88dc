"""Starts Chartroom on one machine: PostgreSQL and the broker out of their wheels, then the product.

`make run`, `make test` and `make reset` call it (`python -m config.embedded …`). It imports nothing
of the apps: they are started as processes of their own, so that what runs here is what runs on a
server.

home         where the launcher keeps what it makes, and who holds it
environment  the settings that every process is given
processes    starting, finding and stopping processes
account      the user as whom PostgreSQL runs when we are root
postgres     the database server
roles        its roles, database and extensions
valkey       the broker
preparation  migrations, demo clinics and static files, only when something changed
parts        the web, worker and scheduler commands
supervisor   keeps parts alive and stops them in order
servers      brings the embedded servers up, as far as they are wanted
serving      `run`
execution    `exec` and `test`
"""
