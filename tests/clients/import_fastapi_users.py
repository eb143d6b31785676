"""A back end on fastapi-users with UUIDs as keys, and todos beside it: its tables with some rows, at the given URL."""

import asyncio
import sys
import uuid
from datetime import datetime, timedelta

from fastapi_users import BaseUserManager, UUIDIDMixin, schemas
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.generics import GUID
from sqlalchemy import Boolean, DateTime, ForeignKey, String
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    is_banned: Mapped[bool] = mapped_column(Boolean, default=False)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime)
    favorite_color: Mapped[str | None] = mapped_column(String(20))


class Todo(Base):
    __tablename__ = "todos"
    id: Mapped[uuid.UUID] = mapped_column(GUID, primary_key=True, default=uuid.uuid4)
    title: Mapped[str] = mapped_column(String(200))
    is_done: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))


class NewUser(schemas.BaseUserCreate):
    is_banned: bool = False
    deleted_at: datetime | None = None


class Users(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    pass


MADE = datetime(2024, 2, 29, 12, 30, 15)
PASSWORD = "Analytical.Engine-1843"


async def main():
    url = sys.argv[1].replace("sqlite://", "sqlite+aiosqlite://")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        users = Users(SQLAlchemyUserDatabase(session, User))

        async def sign_up(name, **more):
            return await users.create(NewUser(email=f"{name}@example.org", password=PASSWORD, **more))

        ada = await sign_up("ada", is_superuser=True, is_verified=True)
        bea = await sign_up("bea")
        await sign_up("inactive", is_active=False)
        await sign_up("banned", is_banned=True)
        gone = await sign_up("gone", deleted_at=MADE)
        for name in ["carl", "dora", "emil", "fay"]:
            await sign_up(name)
        salted = "c2FsdHNhbHRzYWx0c2FsdA$" + 43 * "A"
        foreign = {
            "django": f"pbkdf2_sha256$600000$salt${43 * 'A'}=",
            "greedy": f"$argon2id$v=19$m=4194304,t=3,p=4${salted}",
            "nameless": "",
        }
        for name, hashed in foreign.items():
            session.add(User(email=f"{name}@example.org", hashed_password=hashed))
            await session.commit()
        for number, title in enumerate(["one", "two", "three", "four", "five", "six"]):
            made = MADE + timedelta(minutes=number)
            session.add(Todo(title=title, is_done=title in ("two", "four"), created_at=made, user_id=ada.id))
        session.add(Todo(title="thrown away", created_at=MADE, deleted_at=MADE, user_id=ada.id))
        session.add(Todo(title="of one who left", created_at=MADE, user_id=gone.id))
        session.add(Todo(title="of Bea", created_at=MADE, user_id=bea.id))
        await session.commit()
    await engine.dispose()


asyncio.run(main())
