import { setStatus, status } from './stack';
export function transcendental(operation: u32): void {
  setStatus(status());
}
