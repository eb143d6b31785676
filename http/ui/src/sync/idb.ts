// What the page keeps in IndexedDB, per account: tasks as the server last told them, the writes
// that wait, and how far the sequence of changes was read. Where the browser refuses (private mode,
// a full disk) the page goes on without.
import { signal } from "@preact/signals";

/** Whether the browser no longer keeps what it is given. */
export const isForgetful = signal(false);

export type Shelf = "tasks" | "queue" | "meta";

export class Keep {
  constructor(readonly db: IDBDatabase | null) {}

  static async open(account: string): Promise<Keep> {
    try {
      const request = indexedDB.open(`taskwell-${account}`, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("tasks");
        request.result.createObjectStore("queue", { autoIncrement: true });
        request.result.createObjectStore("meta");
      };
      const db = await settled(request);
      // Another tab deletes the database when it signs out.
      db.onversionchange = () => db.close();
      return new Keep(db);
    } catch (error) {
      console.warn("nothing is kept offline:", error);
      isForgetful.value = true;
      return new Keep(null);
    }
  }

  /** Runs one transaction; null where nothing is kept. */
  async run<T>(
    shelves: Shelf[],
    mode: IDBTransactionMode,
    work: (shelf: (name: Shelf) => IDBObjectStore) => T,
  ): Promise<T | null> {
    if (!this.db) {
      return null;
    }
    try {
      const tx = this.db.transaction(shelves, mode);
      const result = work((name) => tx.objectStore(name));
      // At once: the page may be about to go away.
      tx.commit?.();
      await new Promise((done, fail) => {
        tx.oncomplete = done;
        tx.onabort = () => fail(tx.error ?? new Error("aborted"));
      });
      return result;
    } catch (error) {
      console.warn("the browser did not keep a change:", error);
      isForgetful.value ||= mode === "readwrite";
      return null;
    }
  }

  /** All values of a shelf with their keys. */
  async all<T>(shelf: Shelf): Promise<[IDBValidKey, T][]> {
    const read = await this.run([shelf], "readonly", (at) => ({
      keys: at(shelf).getAllKeys(),
      values: at(shelf).getAll() as IDBRequest<T[]>,
    }));
    const values = read?.values.result ?? [];
    return values.map((value, i) => [read?.keys.result[i] ?? 0, value]);
  }

  async meta(name: string): Promise<unknown> {
    const read = await this.run(["meta"], "readonly", (at) => at("meta").get(name));
    return read?.result;
  }

  close() {
    this.db?.close();
  }
}

/** Deletes what is kept for an account. */
export async function forget(account: string) {
  try {
    await settled(indexedDB.deleteDatabase(`taskwell-${account}`));
  } catch (error) {
    console.warn("what was kept could not be deleted:", error);
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error ?? new Error("failed"));
  });
}
