"""A back end on Tortoise: its tables with some rows, at the given URL."""

import sys
from enum import Enum

import bcrypt
from sqlalchemy import make_url
from tortoise import Tortoise, fields, run_async
from tortoise.models import Model


class Role(str, Enum):
    USER = "user"
    ADMIN = "admin"
    MODERATOR = "moderator"


class Standing(str, Enum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ON_HOLIDAY = "on holiday"
    DELETED = "deleted"


class User(Model):
    id = fields.IntField(primary_key=True)
    username = fields.CharField(max_length=50, unique=True)
    email = fields.CharField(max_length=255, unique=True)
    full_name = fields.CharField(max_length=100, default="")
    password_hash = fields.BinaryField()
    role = fields.CharEnumField(Role, default=Role.USER)
    status = fields.CharEnumField(Standing, default=Standing.ACTIVE)
    enabled = fields.BooleanField(default=True, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)


class Todo(Model):
    id = fields.IntField(primary_key=True)
    title = fields.CharField(max_length=200)
    description = fields.TextField(default="")
    done = fields.BooleanField(default=False)
    state = fields.CharField(max_length=20, default="")
    completed_at = fields.DatetimeField(null=True)
    due_date = fields.CharField(max_length=30, default="")
    owner = fields.ForeignKeyField("models.User", related_name="todos")
    # Kept beside the owner by an earlier version of the program.
    user_id = fields.IntField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    modified_at = fields.DatetimeField(auto_now=True)


async def main():
    url = make_url(sys.argv[1])
    if url.drivername == "sqlite":
        connection = f"sqlite://{url.database}"
    else:
        credentials = {
            "host": url.query["host"],
            "port": 5432,
            "user": url.username,
            "password": "",
            "database": url.database,
        }
        connection = {"engine": "tortoise.backends.psycopg", "credentials": credentials}
    await Tortoise.init(
        config={
            "connections": {"default": connection},
            "apps": {"models": {"models": ["__main__"], "default_connection": "default"}},
            "use_tz": True,
        }
    )
    await Tortoise.generate_schemas()

    async def sign_up(name, **more):
        hashed = bcrypt.hashpw(b"Analytical.Engine-1843", bcrypt.gensalt(rounds=4))
        return await User.create(username=name, email=f"{name}@example.org", password_hash=hashed, **more)

    ada = await sign_up("ada", role=Role.ADMIN)
    mod = await sign_up("mod", role=Role.MODERATOR)
    await sign_up("suspended", status=Standing.SUSPENDED)
    await sign_up("away", status=Standing.ON_HOLIDAY)
    gone = await sign_up("gone", status=Standing.DELETED)
    await sign_up("unclear", enabled=None)
    await Todo.create(title="done", done=True, owner=ada)
    await Todo.create(title="open", owner=ada, user_id=ada.id)
    await Todo.create(title="whose", owner=ada, user_id=mod.id)
    await Todo.create(title="both", done=False, state="done", owner=ada)
    await Todo.create(title="reopened", state="todo", completed_at="2024-02-29T12:30:15Z", owner=ada)
    await Todo.create(title="left behind", owner=gone)


run_async(main())
