// The shapes that the page's modules share, for the type checker alone.
export type Status = "pending" | "in_progress" | "completed";
export type Priority = "low" | "medium" | "high" | "urgent";

/** A task as `v1` shows it. */
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

/** What of a task can be changed. */
export interface Patch {
  title?: string;
  description?: string | null;
  status?: Status;
  priority?: Priority;
  due_date?: string | null;
}

/** A write that the server has not confirmed. */
export interface Op {
  /** Its place in the queue, given by IndexedDB. */
  id?: number;
  /** The `Idempotency-Key`. */
  idem: string;
  key: string;
  kind: "create" | "patch" | "delete";
  body: Patch;
  /** What the fields of `body` were when the change was made. */
  was: Patch;
  /** The whole task as it was then, should it be gone elsewhere. */
  whole?: Patch;
  /** The version that was seen when it was made. */
  version: number;
  at: string;
  /** Milliseconds since 1970 before which it is not sent: the time to undo it. */
  notBefore?: number;
  state: "waiting" | "conflict" | "refused";
  /** Why the server refused a text, in the reader's words. */
  why?: { title?: string; description?: string };
  /** How far the owner's changes were read when it was first sent. */
  after?: number;
  /** The other version in a conflict; `null` where the task is gone. */
  theirs?: Task | null;
}

/**
 * A task as the page holds it: what the server said, and what it looks like with the writes that
 * wait.
 */
export interface Rec {
  /** The task's UUID; for one that was made here, the one it was made under. */
  key: string;
  base: Task | null;
  view: Task;
  waiting: number;
  conflict: Op | null;
  /** The first write of a text that the server refused. */
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
  /** Whether it is shown until it is answered. */
  stays: boolean;
  action?: { label: string; run: () => void };
}
