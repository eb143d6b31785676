// What the page keeps in IndexedDB, per account: tasks as the server last told them, the writes that wait, and how far
// the sequence of changes was read. Where the browser refuses (private mode, a full disk) the page goes on without.
import { signal } from "./lib.js";

/** Whether the browser no longer keeps what it is given. */
export const isForgetful = signal(false);

/** @typedef {"tasks" | "queue" | "meta"} Shelf */

export class Keep {
  /** @param {IDBDatabase | null} db */
  constructor(db) {
    this.db = db;
  }

  /** @param {string} account
   * @returns {Promise<Keep>} */
  static async open(account) {
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

  /** Runs one transaction; null where nothing is kept.
   * @template T
   * @param {Shelf[]} shelves
   * @param {IDBTransactionMode} mode
   * @param {(shelf: (name: Shelf) => IDBObjectStore) => T} work
   * @returns {Promise<T | null>} */
  async run(shelves, mode, work) {
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

  /** All values of a shelf with their keys.
   * @param {Shelf} shelf
   * @returns {Promise<[IDBValidKey, any][]>} */
  async all(shelf) {
    const read = await this.run([shelf], "readonly", (at) => [at(shelf).getAllKeys(), at(shelf).getAll()]);
    const keys = /** @type {IDBValidKey[]} */ (read?.[0]?.result ?? []);
    return keys.map((key, i) => [key, read?.[1]?.result[i]]);
  }

  /** @param {string} name */
  async meta(name) {
    const read = await this.run(["meta"], "readonly", (at) => at("meta").get(name));
    return read?.result;
  }

  close() {
    this.db?.close();
  }
}

/** Deletes what is kept for an account. @param {string} account */
export async function forget(account) {
  try {
    await settled(indexedDB.deleteDatabase(`taskwell-${account}`));
  } catch (error) {
    console.warn("what was kept could not be deleted:", error);
  }
}

/** @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>} */
function settled(request) {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}
