// What System V IPC and POSIX message queues hang on (ipc_namespaces(7)).
import { IpcControls } from '../ipc/controls.ts';
import { Namespace } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';

/** A table of objects that ends with its namespace. */
export interface IpcTable {
  /** Nobody can reach the objects any more. */
  ended(): void;
}

/** Objects by kind: each kind has a table, made when it is first used. */
export class IpcNamespace extends Namespace {
  readonly kind = 'ipc';
  readonly owner: UserNamespace;
  readonly controls = new IpcControls();
  readonly #tables = new Map<new (namespace: IpcNamespace) => IpcTable, IpcTable>();

  constructor(number: number, owner: UserNamespace) {
    super(number);
    this.owner = owner;
  }

  /** The table of a kind. */
  table<T extends IpcTable>(kind: new (namespace: IpcNamespace) => T): T {
    let table = this.#tables.get(kind) as T | undefined;
    if (table === undefined) {
      table = new kind(this);
      this.#tables.set(kind, table);
    }
    return table;
  }

  protected override ended(): void {
    for (const table of this.#tables.values()) table.ended();
    this.#tables.clear();
  }
}
