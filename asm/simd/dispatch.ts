import { raise, UD } from '../fault';
export function simdOp(operation: u32, r: usize, form: usize): void {
  raise(UD, 0);
}
