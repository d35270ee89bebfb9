// The host timer is the same for every VMM that owns the address space it runs in.
export { HostTimer } from '../../host-timer.ts';
