// The IndexedDB storage of one account: the server's latest version of each task, the pending
// writes, and the position in the sequence of changes. If the browser refuses to store anything
// (private mode, a full disk), the web app works without it.
import { signal } from "@preact/signals";

/** Whether the browser has failed to store something. */
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

  /** Runs one transaction. Returns null if there is no database or the transaction fails. */
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
      // Commit at once, because the page may be about to unload.
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

  /** Returns all values of an object store with their keys. */
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

/** Deletes the database of an account. */
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
