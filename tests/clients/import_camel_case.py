"""A back end whose tables and columns are in camel case, with words as keys and milliseconds as times, as ORMs of JavaScript
have them: its tables with some rows, at the given URL."""

import sys

import bcrypt
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, MetaData, String, Table, Text, create_engine, insert

MADE_MS = 1709209815123

metadata = MetaData()
users = Table(
    "User",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("emailAddress", String(255), unique=True),
    Column("passwordHash", Text),
    Column("displayName", String(100)),
    Column("isAdmin", Boolean),
    Column("disabled", Boolean),
    Column("frosty", Boolean),
    Column("createdAt", BigInteger),
)
tasks = Table(
    "Task",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("heading", Text),
    Column("notes", Text),
    Column("isComplete", Boolean),
    Column("completedAt", BigInteger),
    Column("dueDate", BigInteger),
    Column("urgency", Text),
    Column("createdAt", BigInteger),
    Column("ownerId", String(40), ForeignKey("User.id")),
)

engine = create_engine(sys.argv[1])
metadata.create_all(engine)
hashed = bcrypt.hashpw(b"Analytical.Engine-1843", bcrypt.gensalt(rounds=4)).decode()
with engine.begin() as connection:

    def sign_up(number, id, **more):
        row = {
            "id": id,
            "emailAddress": f"{id}@example.org",
            "passwordHash": hashed,
            "isAdmin": False,
            "disabled": False,
            "frosty": False,
            "createdAt": MADE_MS + number * 60_000,
        }
        connection.execute(insert(users).values(row | more))

    # Created in another order than their keys have.
    sign_up(0, "zoe", displayName="Zoë", isAdmin=True)
    sign_up(1, "max", disabled=True)
    sign_up(2, "ada", frosty=True)
    for number, (id, heading, more) in enumerate(
        [
            ("t9", "first", {"isComplete": True, "completedAt": MADE_MS, "notes": "", "urgency": "high"}),
            ("t5", "second", {"dueDate": MADE_MS}),
            ("t7", "third", {"isComplete": True}),
        ]
    ):
        row = {"id": id, "heading": heading, "isComplete": False, "createdAt": MADE_MS + number * 60_000}
        connection.execute(insert(tasks).values(row | more | {"ownerId": "zoe"}))
