"""A back end of contract 004 as its document draws it (section 3, SQLModel): its tables with some rows, at the given URL."""

import sys
from datetime import datetime
from typing import Optional

import bcrypt
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine


class UserBase(SQLModel):
    username: str = Field(index=True)
    email: str = Field(unique=True, index=True)


class User(UserBase, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    hashed_password: str
    tasks: list["Task"] = Relationship(back_populates="owner")


class TaskBase(SQLModel):
    title: str
    description: Optional[str] = None
    due_date: Optional[datetime] = None
    completed: bool = False


class Task(TaskBase, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    created_at: datetime = Field(default_factory=datetime.utcnow)
    updated_at: datetime = Field(default_factory=datetime.utcnow)
    owner_id: Optional[int] = Field(default=None, foreign_key="user.id")
    owner: Optional[User] = Relationship(back_populates="tasks")


def hashed(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()


engine = create_engine(sys.argv[1])
SQLModel.metadata.create_all(engine)
with Session(engine) as session:
    ada = User(username="ada", email="ada@example.org", hashed_password=hashed("Analytical.Engine-1843"))
    grace = User(username="Grace Hopper", email="grace@example.org", hashed_password=hashed("short"))
    second = User(username="Ada", email="second@example.org", hashed_password=hashed("another one 1815"))
    plain = User(username="plain", email="plain@example.org", hashed_password="in the clear")
    session.add_all([ada, grace, second, plain])
    session.flush()
    made, changed = datetime(2024, 2, 29, 12, 30, 15, 123456), datetime(2024, 3, 1)
    session.add_all(
        [
            Task(
                title="Write the notes 🦀",
                description="on\nthe engine",
                due_date=datetime(2030, 1, 2, 3, 4, 5),
                completed=True,
                created_at=made,
                updated_at=changed,
                owner_id=ada.id,
            ),
            Task(title="x" * 201, owner_id=ada.id),
            Task(title="nobody's"),
            Task(title="its owner is refused", owner_id=plain.id),
            Task(title="Find the moth", owner_id=grace.id),
        ]
    )
    session.add_all([Task(title=f"task {n}", owner_id=ada.id) for n in range(500)])
    session.commit()
