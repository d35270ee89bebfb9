// The sixteen conditions (SDM Vol. 1 Appendix B "EFLAGS Condition Codes").
import { carry, overflow, parity, sign, zero } from '../flags';

// @ts-ignore: decorator
@inline
export function below(): bool {
  return carry() != 0;
}
// @ts-ignore: decorator
@inline
export function belowOrEqual(): bool {
  return carry() != 0 || zero();
}
// @ts-ignore: decorator
@inline
export function less(): bool {
  return sign() != overflow();
}
// @ts-ignore: decorator
@inline
export function lessOrEqual(): bool {
  return zero() || sign() != overflow();
}

/** Condition by its number in the encoding. */
export function condition(n: u32): bool {
  let r = false;
  switch (n >> 1) {
    case 0:
      r = overflow() != 0;
      break;
    case 1:
      r = below();
      break;
    case 2:
      r = zero();
      break;
    case 3:
      r = belowOrEqual();
      break;
    case 4:
      r = sign() != 0;
      break;
    case 5:
      r = parity() != 0;
      break;
    case 6:
      r = less();
      break;
    default:
      r = lessOrEqual();
  }
  return r != ((n & 1) != 0);
}
