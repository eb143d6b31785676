// The types that modules share.
export type Status = "pending" | "in_progress" | "completed";
export type Priority = "low" | "medium" | "high" | "urgent";

/** A task as `v1` returns it. */
export interface Task {
  id: number;
  uuid: string;
  title: string;
  description: string | null;
  status: Status;
  priority: Priority;
  due_date: string | null;
  completed_at: string | null;
  created_at: string;
  updated_at: string;
  version: number;
}

/** The fields of a task that can be changed. */
export interface Patch {
  title?: string;
  description?: string | null;
  status?: Status;
  priority?: Priority;
  due_date?: string | null;
}

/** A write that the server has not confirmed. */
export interface Op {
  /** Its position in the queue, assigned by IndexedDB. */
  id?: number;
  /** The `Idempotency-Key`. */
  idem: string;
  key: string;
  kind: "create" | "patch" | "delete";
  body: Patch;
  /** The values of the fields in `body` before the change. */
  was: Patch;
  /** The whole task at that time, in case it is deleted elsewhere. */
  whole?: Patch;
  /** The version of the task that the change is based on. */
  version: number;
  at: string;
  /** The earliest time to send it, in milliseconds since 1970, so that it can be undone. */
  notBefore?: number;
  state: "waiting" | "conflict" | "refused";
  /** Why the server rejected a text, in the reader's language. */
  why?: { title?: string; description?: string };
  /** The position in the owner's changes when it was first sent. */
  after?: number;
  /** The server's version in a conflict; `null` if the task is deleted. */
  theirs?: Task | null;
}

/** A task in memory: the server's version, and the same with pending writes applied. */
export interface Rec {
  /** The task's UUID. A task created here keeps its local UUID. */
  key: string;
  base: Task | null;
  view: Task;
  waiting: number;
  conflict: Op | null;
  /** The first write that the server rejected and that contains text. */
  refused: Op | null;
}

export interface User {
  id: number;
  uuid: string;
  username: string;
  name: string | null;
  email: string;
  email_verified: boolean;
  role: "user" | "admin";
  is_active: boolean;
  created_at: string;
}

export interface FieldProblem {
  field: string;
  code: string;
  message: string;
}

export interface Toast {
  id: number;
  text: string;
  kind: "plain" | "error";
  /** Whether it stays until answered. */
  stays: boolean;
  action?: { label: string; run: () => void };
}
