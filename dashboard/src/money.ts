// Amounts of money: decimal numbers in text, which are added without losing a digit.
import type { CostUnits } from './api/types';
import { count, counted, LOCALE } from './format';

const NANOS = 1_000_000_000n;

/** Reads an amount as billionths; text that is none counts as zero. */
function nanosOf(amount: string): bigint {
  const [, sign = '', whole = '0', part = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?\d*$/.exec(amount.trim()) ?? [];
  const nanos = BigInt(whole) * NANOS + BigInt(part.padEnd(9, '0'));
  return sign === '-' ? -nanos : nanos;
}

/** Adds amounts up, exactly. */
export function sumOf(amounts: readonly string[]): string {
  const sum = amounts.reduce((all, it) => all + nanosOf(it), 0n);
  const size = sum < 0n ? -sum : sum;
  const part = String(size % NANOS).padStart(9, '0').replace(/0+$/, '');
  return `${sum < 0n ? '-' : ''}${size / NANOS}${part === '' ? '' : `.${part}`}`;
}

/** Writes an amount with its currency; small ones with the digits that tell them from nothing. */
export function money(amount: string | number, currency: string): string {
  const value = Number(amount);
  const size = Math.abs(value);
  const digits = size > 0 && size < 1 ? Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(size)))) : 2;
  try {
    return new Intl.NumberFormat(LOCALE, { style: 'currency', currency, minimumFractionDigits: 2, maximumFractionDigits: digits }).format(value);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Writes how many units of a platform were used; what is counted in millionths is shown in wholes. */
export function units({ quantity, unit }: Pick<CostUnits, 'quantity' | 'unit'>): string {
  if (unit !== 'microcredit') return counted(quantity, unit);
  const credits = quantity / 1_000_000;
  return `${credits >= 100 ? count(credits) : credits.toFixed(credits >= 1 ? 2 : 4)} credits`;
}
