"""A back end of contract 003 ("Database Schema") on SQLAlchemy: its tables with some rows, at the given URL."""

import enum
import sys
from datetime import datetime, timedelta, timezone

import bcrypt
from sqlalchemy import Boolean, DateTime, Enum, ForeignKey, String, Text, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Role(enum.Enum):
    USER = "user"
    ADMIN = "admin"


class Status(str, enum.Enum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Priority(str, enum.Enum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    email: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    hashed_password: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(Enum(Role), default=Role.USER)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), onupdate=func.now())
    tasks: Mapped[list["Task"]] = relationship(back_populates="user")


class Task(Base):
    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[Status] = mapped_column(Enum(Status), default=Status.PENDING)
    # By its value rather than its name.
    priority: Mapped[Priority] = mapped_column(
        Enum(Priority, values_callable=lambda words: [word.value for word in words]), default=Priority.MEDIUM
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), onupdate=func.now())
    user: Mapped[User] = relationship(back_populates="tasks")


def hashed(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()


engine = create_engine(sys.argv[1])
Base.metadata.create_all(engine)
with Session(engine) as session:
    root = User(
        username="root", email="root@example.org", hashed_password=hashed("Analytical.Engine-1843"), role=Role.ADMIN
    )
    gone = User(username="gone", email="gone@example.org", hashed_password=hashed("gone"), is_active=False)
    wrong = User(username="wrong", email="not an address", hashed_password=hashed("wrong"))
    zone = timezone.utc if engine.dialect.name == "sqlite" else timezone(timedelta(hours=5, minutes=30))
    made = datetime(2024, 2, 29, 12, 30, 15, tzinfo=timezone.utc).astimezone(zone)
    root.tasks = [
        Task(title="one", status=Status.IN_PROGRESS, priority=Priority.HIGH, created_at=made, updated_at=made),
        Task(title="two", status=Status.COMPLETED, priority=Priority.LOW, description="done"),
        Task(title="three"),
    ]
    session.add_all([root, gone, wrong])
    session.commit()
