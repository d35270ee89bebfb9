// Names of the system (uts_namespaces(7)).
import { Namespace } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';

/** Host name and NIS domain name. */
export class UtsNamespace extends Namespace {
  readonly kind = 'uts';
  readonly owner: UserNamespace;
  hostname: string;
  domainname: string;

  constructor(number: number, owner: UserNamespace, from?: UtsNamespace) {
    super(number);
    this.owner = owner;
    this.hostname = from?.hostname ?? 'anillo';
    this.domainname = from?.domainname ?? '(none)';
  }
}
