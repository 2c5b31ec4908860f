// How many devices were seen, in constant memory: a HyperLogLog (Flajolet et al. 2007) with linear counting for small numbers.
import { hash, randomBytes } from 'node:crypto';

const INDEX_BITS = 14;
const REGISTERS = 1 << INDEX_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/** Counts distinct devices within 1 %; forgets which they were at once. */
export class DeviceCensus {
  private readonly registers = new Uint8Array(REGISTERS);
  /** Nobody outside can choose devices that fall together. */
  private readonly seed = randomBytes(16).toString('hex');

  add(user: string, deviceId: string): void {
    const digest = hash('sha256', `${this.seed}\0${user}\0${deviceId}`, 'buffer');
    const index = digest.readUInt32BE(0) >>> (32 - INDEX_BITS);
    const rank = Math.clz32(digest.readUInt32BE(4)) + 1;
    if (rank > (this.registers[index] as number)) this.registers[index] = rank;
  }

  count(): number {
    let sum = 0;
    let empty = 0;
    for (const rank of this.registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty++;
    }
    const estimate = (ALPHA * REGISTERS * REGISTERS) / sum;
    const small = estimate <= 2.5 * REGISTERS && empty > 0;
    return Math.round(small ? REGISTERS * Math.log(REGISTERS / empty) : estimate);
  }
}
